--- Asking the server for suggestions at the cursor, and showing the answer if it still fits: a newer
--- question cancels the older one, and an answer for another place or text is dropped.

local shown = require('lstm_lsp.shown')
local suggestion = require('lstm_lsp.suggestion')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
M.INVOKED, M.AUTOMATIC = 1, 2 -- LSP's trigger kinds
-- Cancelled by either side, or the text has changed meanwhile: no reason to speak of it.
local EXPECTED = { [-32800] = true, [-32801] = true, [-32802] = true }

local pending ---@type { client: vim.lsp.Client, id: integer }?
local timer = assert(vim.uv.new_timer())
local asked = 0 -- the number of the newest question
local asked_about ---@type lsp.TextDocumentPositionParams? its place

local function inserting()
  return vim.api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

--- Drops the question that is open or waits for its time.
function M.cancel()
  asked = asked + 1
  timer:stop()
  if pending and not pending.client:is_stopped() then
    pending.client:cancel_request(pending.id)
  end
  pending = nil
end

--- The place of the newest question.
---@return lsp.TextDocumentPositionParams?
function M.place()
  return asked_about
end

--- The suggestions that the items of an answer make, each once.
local function suggestions_of(result, line, row, col, encoding)
  local suggestions, texts = {}, {}
  for _, item in ipairs(result and result.items or result or {}) do
    local found = suggestion.from_item(item, line, row, col, encoding)
    if found and not texts[found.text] then
      texts[found.text] = true
      table.insert(suggestions, found)
    end
  end
  return suggestions
end

--- Asks at once, in insert mode.
---@param kind integer
---@param bufnr integer the current buffer
---@param served vim.lsp.Client
---@param choose? fun(suggestions: lstm_lsp.Suggestion[]): integer the index to show; nil: the first
function M.now(kind, bufnr, served, choose)
  M.cancel()
  local number = asked
  local row, col = shown.cursor()
  local line = vim.api.nvim_get_current_line()
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local encoding = served.offset_encoding
  local params = vim.lsp.util.make_position_params(0, encoding)
  asked_about = vim.deepcopy(params)
  params.context = { triggerKind = kind }

  local function fits()
    local here_row, here_col = shown.cursor()
    return inserting()
      and vim.api.nvim_get_current_buf() == bufnr
      and vim.api.nvim_buf_get_changedtick(bufnr) == tick
      and here_row == row
      and here_col == col
  end

  local function answered(err, result)
    if number ~= asked then
      return
    end
    pending = nil
    if err and not EXPECTED[err.code] then
      vim.lsp.log.error('lstm-lsp', METHOD, err)
    end
    if err or not fits() then
      return
    end
    local suggestions = suggestions_of(result, line, row, col, encoding)
    shown.show({
      bufnr = bufnr,
      row = row,
      before = line:sub(1, col),
      after = line:sub(col + 1),
      suggestions = suggestions,
      index = choose and choose(suggestions) or 1,
      all = kind == M.INVOKED,
    })
  end

  -- The buffer's own number: with 0 the client would not send the newest changes first.
  local sent, id = served:request(METHOD, params, answered, bufnr)
  if sent and id then
    pending = { client = served, id = id }
  end
end

--- Asks after a pause, unless something else is asked or the cursor has left meanwhile.
---@param milliseconds integer
---@param bufnr integer the current buffer
---@param served vim.lsp.Client
function M.later(milliseconds, bufnr, served)
  local number = asked
  timer:start(
    milliseconds,
    0,
    vim.schedule_wrap(function()
      if number == asked and inserting() and vim.api.nvim_get_current_buf() == bufnr then
        M.now(M.AUTOMATIC, bufnr, served)
      end
    end)
  )
end

return M
