#!lua flags=allow-oom
-- Acknowledges and deletes entries of a shared queue, whoever has them now: they are handled.
-- KEYS: the stream. ARGV: the group, the ids.
for first = 2, #ARGV, 1000 do
    local last = math.min(first + 999, #ARGV)
    redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, first, last))
    redis.call('XDEL', KEYS[1], unpack(ARGV, first, last))
end
