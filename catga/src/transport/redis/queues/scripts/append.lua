#!lua
-- Appends entries in their order, unless they were appended before. Refused as a whole when the
-- server is out of memory.
-- What is not handed over for each entry saves more than half of the time: the names of its usual
-- fields, and what it has in common with others, its head.
-- KEYS: the stream, its writers, the latest ids from chance, those before them, then a mark for
-- each entry whose id was given.
-- ARGV: the writer, for how long ids are known, how many of those from chance at least, the number
-- of entries, the number of heads; for each head a type, a source and a content type; for each
-- entry its number (of a fixed width), the id as it is kept, a code, its id, time and data, and its
-- other fields. The code is (values * 2 + given) * heads + head: how many values those fields
-- are, whether its id was given, and its head, counted from 0.
-- Answers which of the entries, counted from 0, had been appended before.
local stream, writers, latest, before = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local call = redis.call
local known = call('HGET', writers, ARGV[1])
local last = known and string.match(known, '^%d+') or ''
local repeated, from_chance, new, id, mark = {}, {}, 0, nil, 5
local heads = tonumber(ARGV[5])
local at = 6 + 3 * heads
for entry = 1, tonumber(ARGV[4]) do
    local number, kept, code = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local head = 6 + 3 * (code % heads)
    code = math.floor(code / heads)
    local given, values = code % 2 == 1, math.floor(code / 2)
    local is_new = number > last
    if is_new then
        last = number
        if given then
            is_new = call('EXISTS', KEYS[mark]) == 0
                and call('SISMEMBER', latest, kept) == 0
                and call('SISMEMBER', before, kept) == 0
        end
    end
    if is_new then
        id = call('XADD', stream, '*', 'ce-id', ARGV[at + 3], 'ce-type', ARGV[head],
            'ce-source', ARGV[head + 1], 'ce-specversion', '1.0', 'ce-time', ARGV[at + 4],
            'content-type', ARGV[head + 2], 'data', ARGV[at + 5],
            unpack(ARGV, at + 6, at + 5 + values))
        if given then
            call('SET', KEYS[mark], id, 'PX', ARGV[2])
        else
            new = new + 1
            from_chance[new] = kept
        end
    else
        repeated[#repeated + 1] = entry - 1
    end
    if given then
        mark = mark + 1
    end
    at = at + 6 + values
end
if new > 0 then
    call('SADD', latest, unpack(from_chance))
    call('PEXPIRE', latest, ARGV[2])
    if call('SCARD', latest) >= tonumber(ARGV[3]) then
        -- Freed while others are served.
        call('UNLINK', before)
        call('RENAME', latest, before)
    end
end
-- Where the clock fell back, ids count on within one millisecond. The next one begins before the
-- count is too large for a sequence.
local millisecond, count = string.match(id or '', '^(%d+)%-(%d+)$')
if count and tonumber(count) >= 2097152 then
    call('XSETID', stream, string.format('%.0f-0', tonumber(millisecond) + 1))
end
local now = millisecond and math.floor(tonumber(millisecond) / 1000) or tonumber(call('TIME')[1])
if call('HSET', writers, ARGV[1], last .. ' ' .. now) == 1 then
    -- A new writer. Those that have been quiet for ten minutes do not repeat anything any more.
    local all = call('HGETALL', writers)
    for field = 1, #all, 2 do
        local time = tonumber(string.match(all[field + 1], ' (%d+)$'))
        if time and time < now - 600 then
            call('HDEL', writers, all[field])
        end
    end
end
return repeated
