#!lua flags=allow-oom
-- Gives entries of a shared queue back, those that are still with who took them: a consumer that
-- is no node gets them, as if it had left them for too long, and all who read are told to look, and
-- by whom.
-- KEYS: the stream. ARGV: the group, that consumer, how long is too long, the channel where it is
-- told; for each entry its id, the consumer and the delivery.
for at = 5, #ARGV, 3 do
    local id, consumer, delivery = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
    if pending and pending[2] == consumer and pending[4] == delivery then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'IDLE', ARGV[3], 'JUSTID')
    end
end
redis.call('PUBLISH', ARGV[4], ARGV[6] or '')
