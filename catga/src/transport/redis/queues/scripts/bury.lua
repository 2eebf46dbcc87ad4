#!lua flags=allow-oom
-- Writes a dead letter, unless it was written before, and removes what it is made of.
-- KEYS: a mark for the letter, the dead letters, the stream of the message if it is in one.
-- ARGV: for how long the mark stays, the group that reads that stream, the id of the message
-- there, then the fields of the letter.
local stream, group = KEYS[3], ARGV[2]
if stream then
    -- Fails if the generation was destroyed: then the message is its successor's.
    redis.call('XPENDING', stream, group)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    local id = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
    redis.call('SET', KEYS[1], id, 'PX', ARGV[1])
end
if stream then
    redis.call('XACK', stream, group, ARGV[3])
    redis.call('XDEL', stream, ARGV[3])
end
