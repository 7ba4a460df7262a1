--- The suggestions at the cursor, the one of them that is on screen, and what is left of it. There
--- is one cursor in insert mode, so there is one suggestion on screen at a time.
---
--- The rule: what is on screen always continues exactly what stands before the cursor; it stays
--- while the typed text agrees with it.

local ghost = require('lstm_lsp.ghost')
local suggestion = require('lstm_lsp.suggestion')

local M = {}

---@class lstm_lsp.Shown
---@field bufnr integer
---@field row integer where the cursor was, 0-based
---@field before string that line, up to the cursor
---@field after string and behind it
---@field suggestions lstm_lsp.Suggestion[]
---@field index integer the one on screen
---@field all boolean whether others were asked for, too

local shown ---@type lstm_lsp.Shown?

---@return integer row, integer col both 0-based, col in bytes
function M.cursor()
  local position = vim.api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

--- What was typed since `shown` was asked for; nil when anything else happened.
local function typed_since()
  local row, col = M.cursor()
  if not shown or shown.bufnr ~= vim.api.nvim_get_current_buf() or row < shown.row then
    return nil
  end
  -- No suggestion has that many lines: do not read half a file to find out.
  if row - shown.row > 100 then
    return nil
  end
  local lines = vim.api.nvim_buf_get_lines(shown.bufnr, shown.row, row + 1, false)
  if #lines ~= row - shown.row + 1 or lines[#lines]:sub(col + 1) ~= shown.after then
    return nil
  end
  lines[#lines] = lines[#lines]:sub(1, col)
  return suggestion.rest(table.concat(lines, '\n'), shown.before)
end

--- What is left to accept of the suggestion on screen, the suggestion, and its buffer.
---@return string? rest, lstm_lsp.Suggestion? current, integer? bufnr
function M.rest()
  local typed = typed_since()
  if not typed or not shown then
    return nil
  end
  local current = shown.suggestions[shown.index]
  local rest = current and suggestion.rest(current.text, typed)
  if rest and rest ~= '' then
    return rest, current, shown.bufnr
  end
end

--- Whether suggestions are kept for a buffer, by default for any.
---@param bufnr? integer
function M.any(bufnr)
  return shown ~= nil and (not bufnr or shown.bufnr == bufnr)
end

--- Whether all suggestions for the place are known, not the likeliest alone.
function M.all()
  return shown ~= nil and shown.all
end

function M.hide()
  shown = nil
  ghost.clear()
end

--- Draws what is left; hides everything when nothing is, or when it disagrees.
---@return boolean whether something is on screen
function M.draw()
  local rest = vim.fn.pumvisible() == 0 and M.rest()
  if not rest or not shown then
    M.hide()
    return false
  end
  local row, col = M.cursor()
  local count = #shown.suggestions
  local more = shown.all and count > 1 and ('%d/%d'):format(shown.index, count) or nil
  ghost.draw(shown.bufnr, row, col, rest, more)
  return true
end

--- Draws these instead.
---@param new lstm_lsp.Shown
function M.show(new)
  shown = new
  M.draw()
end

--- Draws the next of the suggestions that agree with what was typed since.
---@param step 1|-1
---@return boolean whether something is on screen
function M.cycle(step)
  local typed = typed_since()
  if not typed or not shown or not M.rest() then
    return false
  end
  repeat -- the one on screen agrees, so this ends
    shown.index = (shown.index - 1 + step) % #shown.suggestions + 1
    local left = suggestion.rest(shown.suggestions[shown.index].text, typed)
  until left and left ~= ''
  return M.draw()
end

return M
