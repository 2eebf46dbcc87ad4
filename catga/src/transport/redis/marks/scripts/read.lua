#!lua flags=allow-oom
-- Reads a mark. Not marked as a script that only reads, so that a replica refuses it.
-- KEYS: the mark.
local time = redis.call('TIME')
return { time[1], time[2], redis.call('GET', KEYS[1]) }
