#!lua flags=allow-oom
-- Hides entries of a shared queue from now on, those that are still with who took them.
-- KEYS: the stream. ARGV: the group; for each entry its id, the consumer and the delivery.
for at = 2, #ARGV, 3 do
    local id, consumer, delivery = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
    if pending and pending[2] == consumer and pending[4] == delivery then
        redis.call('XCLAIM', KEYS[1], ARGV[1], consumer, 0, id, 'JUSTID')
    end
end
