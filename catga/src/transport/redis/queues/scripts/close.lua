#!lua flags=allow-oom
-- Destroys a generation.
-- KEYS: the generations. ARGV: its name.
local all = redis.call('HGETALL', KEYS[1])
for field = 1, #all, 2 do
    local stream, reader = all[field], all[field + 1]
    if reader == ARGV[1] then
        -- The stream may have been deleted. But one that a Redis Cluster is moving away keeps its
        -- group, and that is destroyed once it has been moved.
        local done = redis.pcall('XGROUP', 'DESTROY', stream, reader)
        if type(done) == 'table' and done.err and string.find(done.err, 'non local key', 1, true) then
            return done
        end
        redis.call('HDEL', KEYS[1], stream)
    end
end
