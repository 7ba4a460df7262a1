--- What is going on, for a status line and for :LstmLsp status.

local client = require('lstm_lsp.client')

local M = {}

--- "lstm ready", "lstm busy: the project is being read", "lstm off": '' without a server.
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
  local status = client.statuses[attached.id] or { state = 'loading' }
  local reason = status.reason
  if type(reason) == 'string' and reason ~= '' then
    return ('lstm %s: %s'):format(status.state, reason)
  end
  return 'lstm ' .. status.state
end

--- One line for people, given to `show`; asks the server.
---@param show fun(line: string)
function M.describe(show)
  local bufnr = vim.api.nvim_get_current_buf()
  local attached = client.attached(bufnr)
  if not attached then
    return show('lstm-lsp: no server for this buffer (:checkhealth lstm_lsp)')
  end
  attached:request('lstmLsp/status', vim.empty_dict(), function(err, status)
    if err then
      return show('lstm-lsp: ' .. (err.message or 'no answer'))
    end
    local parts = { client.enabled(bufnr) and status.state or 'off (:LstmLsp toggle)' }
    local function add(form, ...)
      for _, value in ipairs({ ... }) do
        if value == nil or value == vim.NIL or value == '' then
          return
        end
      end
      table.insert(parts, form:format(...))
    end
    add('%s', status.reason or '')
    add('model %s', status.model or '')
    add('%d MB', status.memoryMegabytes or '')
    if (status.total or 0) > 0 then
      add('%d of %d files read', status.indexed, status.total)
    end
    show('lstm-lsp: ' .. table.concat(parts, ', '))
  end, bufnr)
end

return M
