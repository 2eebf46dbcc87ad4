#!lua flags=allow-oom
-- Acknowledges and deletes entries. Fails if the generation was destroyed, which is on all of its
-- streams: as long as it is there, nobody else reads these.
-- KEYS: the streams. ARGV: the generation; for each stream how many ids follow, and the ids.
local at = 2
for _, stream in ipairs(KEYS) do
    local last = at + tonumber(ARGV[at])
    for first = at + 1, last, 1000 do
        local through = math.min(first + 999, last)
        if redis.call('XACK', stream, ARGV[1], unpack(ARGV, first, through)) > 0 then
            redis.call('XDEL', stream, unpack(ARGV, first, through))
        else
            -- They were acknowledged before, or nobody is there: then this fails.
            redis.call('XPENDING', stream, ARGV[1])
        end
    end
    at = last + 1
end
