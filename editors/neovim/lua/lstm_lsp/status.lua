--- What is going on, for a status line and for :LstmLsp status.

local client = require('lstm_lsp.client')

local M = {}

--- "lstm ready", "lstm off: in a comment", "lstm 40%": short, '' without a server.
---@return string
function M.line()
  local bufnr = vim.api.nvim_get_current_buf()
  local attached = client.attached(bufnr)
  if not attached then
    return ''
  end
  if not client.enabled(bufnr) then
    return 'lstm off'
  end
  local status = client.statuses[attached.id] or { state = 'ready' }
  local reason = status.reason
  if type(reason) == 'string' and reason ~= '' then
    return ('lstm %s: %s'):format(status.state, reason)
  end
  return 'lstm ' .. status.state
end

--- Lines for people, given to `show`; asks the server.
---@param show fun(lines: string[])
function M.describe(show)
  local bufnr = vim.api.nvim_get_current_buf()
  local attached = client.attached(bufnr)
  if not attached then
    return show({ 'lstm-lsp: no server for this buffer (:checkhealth lstm_lsp)' })
  end
  local mine = client.enabled(bufnr) and 'on' or 'off (:LstmLsp toggle)'
  attached:request('lstmLsp/status', vim.empty_dict(), function(err, status)
    if err then
      return show({ 'lstm-lsp: ' .. (err.message or 'no answer') })
    end
    local lines = { 'suggestions: ' .. mine }
    for _, key in ipairs({ 'state', 'reason', 'model', 'memoryMegabytes', 'indexed', 'total' }) do
      local value = status[key]
      if value ~= nil and value ~= vim.NIL and value ~= '' then
        table.insert(lines, ('%s: %s'):format(key, value))
      end
    end
    show(lines)
  end, bufnr)
end

return M
