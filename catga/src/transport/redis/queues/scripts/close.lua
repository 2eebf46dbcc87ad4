#!lua flags=allow-oom
-- Destroys a generation.
-- KEYS: the generations. ARGV: its name.
local all = redis.call('HGETALL', KEYS[1])
for field = 1, #all, 2 do
    local stream, reader = all[field], all[field + 1]
    if reader == ARGV[1] then
        -- The stream may have been deleted.
        redis.pcall('XGROUP', 'DESTROY', stream, reader)
        redis.call('HDEL', KEYS[1], stream)
    end
end
