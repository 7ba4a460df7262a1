--- Ghost text while typing: what the events of insert mode mean for it. After a deletion or a move of
--- the cursor there is nothing; what was typed is gone on with; what a buffer is watched for.

local accept = require('lstm_lsp.accept')
local ask = require('lstm_lsp.ask')
local client = require('lstm_lsp.client')
local config = require('lstm_lsp.config')
local ghost = require('lstm_lsp.ghost')
local shown = require('lstm_lsp.shown')

local M = {}

local seen = {} ---@type { bufnr: integer, tick: integer, size: integer, row: integer, col: integer }

local function observe()
  local bufnr = vim.api.nvim_get_current_buf()
  local row, col = shown.cursor()
  return {
    bufnr = bufnr,
    tick = vim.api.nvim_buf_get_changedtick(bufnr),
    size = vim.api.nvim_buf_get_offset(bufnr, vim.api.nvim_buf_line_count(bufnr)),
    row = row,
    col = col,
  }
end

--- Asks as typing does: after the pause that the user wants, where suggestions are wanted.
local function ask_automatically()
  local bufnr = vim.api.nvim_get_current_buf()
  local served = client.attached(bufnr)
  if
    not served
    or not config.options.automatic
    or not client.enabled(bufnr)
    or vim.fn.pumvisible() == 1
    or vim.fn.reg_executing() ~= ''
  then
    return
  end
  if config.options.debounce == 0 then
    ask.now(ask.AUTOMATIC, bufnr, served)
  else
    ask.later(config.options.debounce, bufnr, served)
  end
end

--- After anything that may have changed the text or moved the cursor. Costs nothing when nothing
--- did, so that it may be called by several events of one key.
function M.update()
  local now, before = observe(), seen
  local same_buffer = now.bufnr == before.bufnr
  if same_buffer and now.tick == before.tick and now.row == before.row and now.col == before.col then
    if vim.fn.pumvisible() == 1 then
      M.dismiss()
    end
    return
  end
  seen = now
  local grew = same_buffer and now.size > before.size
  local shrank = same_buffer and now.size < before.size
  if shown.any() and not shrank and shown.draw() then
    return
  end
  shown.hide()
  ask.cancel()
  if grew then
    ask_automatically()
  end
end

--- Outside insert mode: what is there now was not typed, so it is no reason to suggest anything.
function M.remember()
  seen = observe()
end

--- Removes the suggestion and drops the question.
---@return boolean whether one was on screen
function M.dismiss()
  local was_shown = shown.any()
  shown.hide()
  ask.cancel()
  return was_shown
end

function M.visible()
  return shown.rest() ~= nil
end

--- Asks at once, also where suggestions are off while typing.
function M.trigger()
  local bufnr = vim.api.nvim_get_current_buf()
  local served = client.attached(bufnr)
  if not served or vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i' then
    return
  end
  shown.hide()
  ask.now(ask.INVOKED, bufnr, served, function(suggestions)
    if #suggestions == 0 then
      vim.api.nvim_echo({ { 'lstm-lsp: no suggestion here (:LstmLsp explain)' } }, false, {})
    end
    return 1
  end)
end

--- Shows another suggestion for the same place, asking for them the first time.
---@param step 1|-1
---@return boolean whether there is a suggestion on screen to go from
function M.cycle(step)
  local rest, _, bufnr = shown.rest()
  if not rest or not bufnr then
    return false
  end
  if shown.all() then
    return shown.cycle(step)
  end
  ask.now(ask.INVOKED, bufnr, assert(client.attached(bufnr)), function(suggestions)
    for number, other in ipairs(suggestions) do
      if other.text == rest then
        return (number - 1 + step) % #suggestions + 1
      end
    end
    return 1
  end)
  return true
end

--- Puts in a part of what is on screen; `part` takes what is left and gives its beginning.
---@param part? fun(rest: string): string nil: all of it
---@return boolean whether there was something
function M.accept(part)
  return accept(part, M.update)
end

local watched = {} ---@type table<integer, boolean>

--- Watches one buffer, as long as the server is attached to it.
---@param bufnr integer
function M.attach(bufnr)
  if not watched[bufnr] then
    -- The events below come before the screen is redrawn, but for a redraw that something else
    -- forces between a change and them. Then nothing is right, and what was right is wrong.
    vim.api.nvim_buf_attach(bufnr, false, {
      on_lines = function()
        ghost.clear()
        return not watched[bufnr]
      end,
      on_detach = function()
        watched[bufnr] = nil
      end,
    })
  end
  watched[bufnr] = true
  local group = vim.api.nvim_create_augroup('lstm_lsp.inline.' .. bufnr, {})
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, {
      group = group,
      buffer = bufnr,
      callback = function()
        callback()
      end,
    })
  end
  on({ 'TextChangedI', 'TextChangedP', 'CursorMovedI', 'InsertEnter' }, M.update)
  local function leave()
    M.dismiss()
    M.remember()
  end
  on({ 'InsertLeave', 'BufLeave' }, leave)
  on({ 'ModeChanged' }, function() -- CTRL-C leaves insert mode without InsertLeave
    if vim.v.event.old_mode:sub(1, 1) == 'i' and vim.v.event.new_mode:sub(1, 1) ~= 'i' then
      leave()
    end
  end)
  on({ 'TextChanged', 'BufEnter' }, M.remember)
  if vim.api.nvim_get_current_buf() == bufnr then
    M.remember()
  end
end

---@param bufnr integer
function M.detach(bufnr)
  if shown.any(bufnr) then
    M.dismiss()
  end
  watched[bufnr] = nil
  pcall(vim.api.nvim_del_augroup_by_name, 'lstm_lsp.inline.' .. bufnr)
end

return M
