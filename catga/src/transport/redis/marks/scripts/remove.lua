#!lua flags=allow-oom
-- Removes a mark.
-- KEYS: the mark.
-- ARGV: the version that it must have ('' for any).
local found = redis.call('GET', KEYS[1])
if not found or (ARGV[1] ~= '' and string.match(found, '^%d+') ~= ARGV[1]) then
    return 0
end
return redis.call('DEL', KEYS[1])
