#!lua flags=allow-oom
-- The mark of this namespace: made once, and again after everything was lost.
-- KEYS: the mark. ARGV: a new one.
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
