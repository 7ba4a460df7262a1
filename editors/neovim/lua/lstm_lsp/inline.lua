--- Ghost text while typing: when to ask, whether an answer still fits, what is left of it, and
--- putting it in. There is one cursor in insert mode, so there is one suggestion at a time.
---
--- The rules: what is on screen always continues exactly what stands before the cursor; it stays
--- while the typed text agrees with it; after a deletion or a move of the cursor there is nothing;
--- a newer question cancels the older one.

local client = require('lstm_lsp.client')
local config = require('lstm_lsp.config')
local ghost = require('lstm_lsp.ghost')
local suggestion = require('lstm_lsp.suggestion')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2
-- Cancelled by either side, or the text has changed meanwhile: no reason to speak of it.
local EXPECTED = { [-32800] = true, [-32801] = true, [-32802] = true }

---@class lstm_lsp.Shown
---@field bufnr integer
---@field row integer where the cursor was, 0-based
---@field before string that line, up to the cursor
---@field after string and behind it
---@field suggestions lstm_lsp.Suggestion[]
---@field index integer the one on screen
---@field all boolean whether others were asked for, too

local shown ---@type lstm_lsp.Shown?
local pending ---@type { client: vim.lsp.Client, id: integer }?
local timer = assert(vim.uv.new_timer())
local asked = 0 -- the number of the newest question
local asked_about ---@type lsp.TextDocumentPositionParams? its place
local seen = {} ---@type { bufnr: integer, tick: integer, size: integer, row: integer, col: integer }

local function cursor()
  local position = vim.api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

local function inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

local function observe()
  local bufnr = vim.api.nvim_get_current_buf()
  local row, col = cursor()
  return {
    bufnr = bufnr,
    tick = vim.api.nvim_buf_get_changedtick(bufnr),
    size = vim.api.nvim_buf_get_offset(bufnr, vim.api.nvim_buf_line_count(bufnr)),
    row = row,
    col = col,
  }
end

local function cancel()
  asked = asked + 1
  timer:stop()
  if pending and not pending.client:is_stopped() then
    pending.client:cancel_request(pending.id)
  end
  pending = nil
end

--- What was typed since `shown` was asked for; nil when anything else happened.
local function typed_since()
  local row, col = cursor()
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

--- What is left to accept of the suggestion on screen, and the suggestion.
---@return string? rest, lstm_lsp.Suggestion? current
local function current_rest()
  local typed = typed_since()
  if not typed or not shown then
    return nil
  end
  local current = shown.suggestions[shown.index]
  local rest = current and suggestion.rest(current.text, typed)
  if rest and rest ~= '' then
    return rest, current
  end
end

local function hide()
  shown = nil
  ghost.clear()
end

--- Draws what is left; hides everything when nothing is, or when it disagrees.
---@return boolean whether something is on screen
local function draw()
  local rest = vim.fn.pumvisible() == 0 and current_rest()
  if not rest or not shown then
    hide()
    return false
  end
  local row, col = cursor()
  local count = #shown.suggestions
  local more = shown.all and count > 1 and ('%d/%d'):format(shown.index, count) or nil
  ghost.draw(shown.bufnr, row, col, rest, more)
  return true
end

---@param kind integer
---@param bufnr integer
---@param served vim.lsp.Client
---@param then_show fun(suggestions: lstm_lsp.Suggestion[]): integer the index to show
local function ask_now(kind, bufnr, served, then_show)
  cancel()
  local number = asked
  local row, col = cursor()
  local line = vim.api.nvim_get_current_line()
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local encoding = served.offset_encoding
  local params = vim.lsp.util.make_position_params(0, encoding)
  asked_about = vim.deepcopy(params)
  params.context = { triggerKind = kind }

  local function answered(err, result)
    if number ~= asked then
      return
    end
    pending = nil
    if err and not EXPECTED[err.code] then
      vim.lsp.log.error('lstm-lsp', METHOD, err)
    end
    local here_row, here_col = cursor()
    if
      err
      or not inserting()
      or vim.api.nvim_get_current_buf() ~= bufnr
      or vim.api.nvim_buf_get_changedtick(bufnr) ~= tick
      or here_row ~= row
      or here_col ~= col
    then
      return
    end
    local suggestions, texts = {}, {}
    for _, item in ipairs(result and result.items or result or {}) do
      local found = suggestion.from_item(item, line, row, col, encoding)
      if found and not texts[found.text] then
        texts[found.text] = true
        table.insert(suggestions, found)
      end
    end
    shown = {
      bufnr = bufnr,
      row = row,
      before = line:sub(1, col),
      after = line:sub(col + 1),
      suggestions = suggestions,
      index = then_show(suggestions),
      all = kind == INVOKED,
    }
    draw()
  end

  -- The buffer's own number: with 0 the client would not send the newest changes first.
  local sent, id = served:request(METHOD, params, answered, bufnr)
  if sent and id then
    pending = { client = served, id = id }
  end
end

local function first()
  return 1
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
    return ask_now(AUTOMATIC, bufnr, served, first)
  end
  local number = asked
  timer:start(
    config.options.debounce,
    0,
    vim.schedule_wrap(function()
      if number == asked and inserting() and vim.api.nvim_get_current_buf() == bufnr then
        ask_now(AUTOMATIC, bufnr, served, first)
      end
    end)
  )
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
  if shown and not shrank and draw() then
    return
  end
  hide()
  cancel()
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
  local was_shown = shown ~= nil and #shown.suggestions > 0
  hide()
  cancel()
  return was_shown
end

--- The place of the newest question.
---@return lsp.TextDocumentPositionParams?
function M.asked_about()
  return asked_about
end

function M.visible()
  return current_rest() ~= nil
end

--- Asks at once, also where suggestions are off while typing.
function M.trigger()
  local bufnr = vim.api.nvim_get_current_buf()
  local served = client.attached(bufnr)
  if not served or not inserting() then
    return
  end
  hide()
  ask_now(INVOKED, bufnr, served, function(suggestions)
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
  local rest = current_rest()
  if not rest or not shown then
    return false
  end
  if shown.all then
    -- Not every one agrees with what was typed since; the one on screen does, so this ends.
    local typed = assert(typed_since())
    repeat
      shown.index = (shown.index - 1 + step) % #shown.suggestions + 1
      local left = suggestion.rest(shown.suggestions[shown.index].text, typed)
    until left and left ~= ''
    return draw()
  end
  local bufnr = shown.bufnr
  ask_now(INVOKED, bufnr, assert(client.attached(bufnr)), function(suggestions)
    local index = 0
    for number, other in ipairs(suggestions) do
      if other.text == rest then
        index = number
      end
    end
    if index == 0 then
      return 1
    end
    return (index - 1 + step) % #suggestions + 1
  end)
  return true
end

--- Puts in a part of what is on screen; `part` takes what is left and gives its beginning.
---@param part? fun(rest: string): string nil: all of it
---@return boolean whether there was something
function M.accept(part)
  local rest, current = current_rest()
  if not rest or not shown or not current then
    return false
  end
  local text = part and part(rest) or rest
  local whole = text == rest
  local bufnr = shown.bufnr

  local function put()
    local row, col = cursor()
    local lines = vim.split(text, '\n', { plain = true })
    vim.cmd('let &l:undolevels = &l:undolevels') -- so that one undo takes back the accepted text
    vim.api.nvim_buf_set_text(bufnr, row, col, row, col, lines)
    local end_col = #lines[#lines] + (#lines == 1 and col or 0) + (whole and current.skip or 0)
    vim.api.nvim_win_set_cursor(0, { row + #lines, end_col })
    if whole then
      hide()
      local served = client.attached(bufnr)
      if current.command and served then
        served:exec_cmd(current.command, { bufnr = bufnr })
      end
    end
    M.update()
  end

  if pcall(put) then
    return true
  end
  -- An expression mapping may not change text: do it right after, if nothing came in between.
  vim.schedule(function()
    if current_rest() == rest then
      put()
    end
  end)
  return true
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
  on({ 'InsertLeave', 'BufLeave' }, function()
    M.dismiss()
    M.remember()
  end)
  on({ 'TextChanged', 'BufEnter' }, M.remember)
  if vim.api.nvim_get_current_buf() == bufnr then
    M.remember()
  end
end

---@param bufnr integer
function M.detach(bufnr)
  if shown and shown.bufnr == bufnr then
    M.dismiss()
  end
  watched[bufnr] = nil
  pcall(vim.api.nvim_del_augroup_by_name, 'lstm_lsp.inline.' .. bufnr)
end

return M
