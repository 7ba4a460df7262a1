--- Putting a suggestion in, whole or in part.

local client = require('lstm_lsp.client')
local shown = require('lstm_lsp.shown')

--- Puts in a part of what is on screen; `part` takes what is left and gives its beginning.
---@param part (fun(rest: string): string)? nil: all of it
---@param accepted fun() called when it stands there
---@return boolean whether there was something
return function(part, accepted)
  local rest, current, bufnr = shown.rest()
  if not rest or not current or not bufnr then
    return false
  end
  local text = part and part(rest) or rest
  local whole = text == rest

  local function put()
    local row, col = shown.cursor()
    local lines = vim.split(text, '\n', { plain = true })
    vim.cmd('let &l:undolevels = &l:undolevels') -- so that one undo takes back the accepted text
    vim.api.nvim_buf_set_text(bufnr, row, col, row, col, lines)
    local end_col = #lines[#lines] + (#lines == 1 and col or 0) + (whole and current.skip or 0)
    vim.api.nvim_win_set_cursor(0, { row + #lines, end_col })
    if whole then
      shown.hide()
      local served = client.attached(bufnr)
      if current.command and served then
        served:exec_cmd(current.command, { bufnr = bufnr })
      end
    end
    accepted()
  end

  if pcall(put) then
    return true
  end
  -- An expression mapping may not change text: do it right after, if nothing came in between.
  vim.schedule(function()
    if shown.rest() == rest then
      put()
    end
  end)
  return true
end
