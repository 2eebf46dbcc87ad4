#!lua flags=allow-oom
-- Acknowledges and deletes entries. Fails before it has done anything if the generation was
-- destroyed: as long as it is there, nobody else reads these streams.
-- KEYS: the streams. ARGV: the generation; for each stream how many ids follow, and the ids.
for _, stream in ipairs(KEYS) do
    redis.call('XPENDING', stream, ARGV[1])
end
local at = 2
for _, stream in ipairs(KEYS) do
    local last = at + tonumber(ARGV[at])
    for first = at + 1, last, 1000 do
        local through = math.min(first + 999, last)
        redis.call('XACK', stream, ARGV[1], unpack(ARGV, first, through))
        redis.call('XDEL', stream, unpack(ARGV, first, through))
    end
    at = last + 1
end
