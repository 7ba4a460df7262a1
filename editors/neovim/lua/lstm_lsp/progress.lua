--- Sorts $/progress: partial results go to whoever waits for their token, the rest to Neovim.

local M = {}

local waiting = {} ---@type table<string, fun(value: any)>
local issued = 0

--- A token whose values are given to `receive` until `done` is called with it.
---@param receive fun(value: any)
---@return string token
function M.expect(receive)
  issued = issued + 1
  local token = 'lstm-lsp-' .. issued
  waiting[token] = receive
  return token
end

---@param token string
function M.done(token)
  waiting[token] = nil
end

---@type lsp.Handler
function M.handle(err, params, context)
  local receive = waiting[params.token]
  if receive then
    receive(params.value)
    return
  end
  return vim.lsp.handlers['$/progress'](err, params, context)
end

return M
