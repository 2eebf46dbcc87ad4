#!lua flags=allow-oom
-- Makes the mark of a service's queues, if there is none, and looks whether its streams can be.
-- KEYS: the mark, the streams. ARGV: a new mark.
-- Answers the key that holds something else, and what; nothing if all is well.
for at = 2, #KEYS do
    local kind = redis.call('TYPE', KEYS[at]).ok
    if kind ~= 'none' and kind ~= 'stream' then
        return { KEYS[at], kind }
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return {}
