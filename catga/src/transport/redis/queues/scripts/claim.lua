#!lua flags=allow-oom
-- Takes entries of a shared queue whose consumers have not been heard of for too long.
-- KEYS: the stream. ARGV: the group, the consumer, for how long, where to begin, at most how many.
-- Answers where to go on, and the entries: id, fields, how often it was delivered.
local stream, group = KEYS[1], ARGV[1]
local claimed = redis.call('XAUTOCLAIM', stream, group, ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local entries = {}
for _, entry in ipairs(claimed[2]) do
    local pending = redis.call('XPENDING', stream, group, entry[1], entry[1], 1)
    entries[#entries + 1] = { entry[1], entry[2], pending[1][4] }
end
return { claimed[1], entries }
