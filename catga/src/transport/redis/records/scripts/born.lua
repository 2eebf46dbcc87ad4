#!lua flags=allow-oom
-- The mark of this namespace: made once, and again after everything was lost. And what the server
-- says of its run and of its place in a replication.
-- KEYS: the mark. ARGV: a new one.
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
return { redis.call('GET', KEYS[1]), info }
