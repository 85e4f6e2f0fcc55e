"""The scripts that Redis runs for leases; each is one step that nothing comes between.

A lease has two keys. `KEYS[1]` is the lease: `owner:token:` and who that is; Redis deletes it when
its time is over. `KEYS[2]` is a hash that stays: the token and the owner of the last grant, and of
the one before it. Each script may be sent twice: whoever got no answer asks again, and is told what
the first time did.

Redis's own time counts (`TIME`), so that a Redis that lost its memory goes on with larger tokens.
Commands: redis.io/docs/latest/commands; scripts: redis.io/docs/latest/develop/programmability.
"""

_COMMON = """
local function whole(number) return string.format('%.0f', number) end
local function is_of(held, owner, token)
  local prefix = owner .. ':' .. token .. ':'
  return string.sub(held, 1, #prefix) == prefix
end
local function owner_of(held) return string.match(held, '^[^:]*') end
"""

TAKE = f"""{_COMMON}
local owner, ttl_ms, dead, about = unpack(ARGV)
local held = redis.call('GET', KEYS[1])
local last = redis.call('HMGET', KEYS[2], 'token', 'owner', 'tokenBefore', 'ownerBefore')
local token, before = tonumber(last[1]) or 0, last[2] or ''
if held and owner_of(held) == owner then
  return {{1, last[1], last[4] or ''}}
end
if held and owner_of(held) ~= dead then
  return {{0, held, redis.call('PTTL', KEYS[1])}}
end
local token_before = token
if before == owner then
  token_before, before = tonumber(last[3]) or 0, last[4] or ''
end
token = whole(math.max(token + 1, tonumber(redis.call('TIME')[1])))
if held then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], owner .. ':' .. token .. ':' .. about, 'NX', 'PX', ttl_ms)
redis.call('HSET', KEYS[2], 'token', token, 'owner', owner,
  'tokenBefore', whole(token_before), 'ownerBefore', before)
return {{1, token, before}}
"""
"""Takes the lease, if nobody has it but a run that is known to be dead.

ARGV: owner, milliseconds, owner of the dead run or nothing, who the owner is.
Answers: 1, the token, the owner before; or 0, the lease as it is held, milliseconds left.
"""

RENEW = f"""{_COMMON}
local owner, token, ttl_ms, about, grown = unpack(ARGV)
local held = redis.call('GET', KEYS[1])
if held and not (is_of(held, owner, token) or is_of(held, owner, grown)) then
  return {{0, held}}
end
if held and is_of(held, owner, grown) then
  redis.call('PEXPIRE', KEYS[1], ttl_ms)
  return {{1}}
end
local last = redis.call('HMGET', KEYS[2], 'token', 'owner')
if last[1] and not (last[2] == owner and (last[1] == token or last[1] == grown)) then
  return {{0, ''}}
end
redis.call('SET', KEYS[1], owner .. ':' .. grown .. ':' .. about, 'PX', ttl_ms)
redis.call('HSET', KEYS[2], 'token', grown, 'owner', owner)
return {{1}}
"""
"""Renews the lease, unless another run has it, or had it since. That needs no memory.

One that is gone, because its time was over or Redis lost its memory, is put there again if nobody
had it since. ARGV: owner, token, milliseconds, who the owner is, the token from now on.
Answers: 1; or 0 and the lease as it is held, empty if nobody has it.
"""

RELEASE = f"""{_COMMON}
local held = redis.call('GET', KEYS[1])
if held and is_of(held, ARGV[1], ARGV[2]) then
  redis.call('DEL', KEYS[1])
  return {{1}}
end
return {{0}}
"""
"""Gives the lease back, if it is still this grant's. ARGV: owner, token."""

UNDO = f"""{_COMMON}
local held = redis.call('GET', KEYS[1])
if held and owner_of(held) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
local last = redis.call('HMGET', KEYS[2], 'owner', 'tokenBefore', 'ownerBefore')
if last[1] == ARGV[1] then
  if (tonumber(last[2]) or 0) == 0 then
    redis.call('DEL', KEYS[2])
  else
    redis.call('HSET', KEYS[2], 'token', last[2], 'owner', last[3])
  end
end
return {{1}}
"""
"""Undoes a `TAKE` after which nothing was written: the grant before it is the last one again.

Its run may be alive, when Redis had lost its memory. ARGV: owner.
"""
