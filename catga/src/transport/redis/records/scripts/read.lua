#!lua flags=allow-oom
-- Reads a record. Not marked as a script that only reads, so that a replica refuses it.
-- KEYS: the records, the version. ARGV: the name.
local time = redis.call('TIME')
return {
    time[1], time[2], redis.call('GET', KEYS[2]) or '0',
    redis.call('HGET', KEYS[1], ARGV[1]),
}
