--- A buffer that fills with what the model would write from the cursor on, as it is drawn.

local client = require('lstm_lsp.client')
local config = require('lstm_lsp.config')
local progress = require('lstm_lsp.progress')

local M = {}

local running ---@type { stop: fun(reason: string) }?

local function last_position(bufnr)
  local row = vim.api.nvim_buf_line_count(bufnr) - 1
  local col = #vim.api.nvim_buf_get_lines(bufnr, row, row + 1, true)[1]
  return row, col
end

--- The buffer and its window; the buffer goes when its window does.
local function open(filetype)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.cmd('rightbelow split')
  local window = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(window, bufnr)
  vim.cmd('wincmd p')
  -- The colours of the language, without its file type: no server is to be started for it.
  pcall(vim.treesitter.start, bufnr, filetype)
  vim.bo[bufnr].syntax = filetype
  return bufnr, window
end

--- The cursor's line number and its text before the place to write at: in insert mode the cursor,
--- else behind the character that it is on, where `a` would insert.
local function place()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local line = vim.api.nvim_get_current_line()
  if vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i' and col < #line then
    col = col + vim.str_utf_end(line, col + 1) + 1
  end
  return row, line:sub(1, col)
end

--- Streams from the cursor's position into a new buffer.
---@param options? { max_characters?: integer, temperature?: number, seed?: integer }
---@return integer? bufnr the preview's buffer
function M.open(options)
  options = vim.tbl_extend('force', config.options.preview, options or {})
  local source = vim.api.nvim_get_current_buf()
  local served = client.attached(source)
  if not served then
    vim.notify('lstm-lsp: no server for this buffer (:checkhealth lstm_lsp)', vim.log.levels.WARN)
    return nil
  end
  M.stop()

  local row, before = place()
  local params = {
    textDocument = vim.lsp.util.make_text_document_params(source),
    position = {
      line = row - 1,
      character = vim.str_utfindex(before, served.offset_encoding),
    },
    maxCharacters = options.max_characters,
    temperature = options.temperature,
    seed = options.seed,
  }
  local bufnr, window = open(vim.bo[source].filetype)
  local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(source), ':t')
  -- The line that is continued is shown too; only what follows it is the model's.
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { before })

  local function title(state)
    if vim.api.nvim_win_is_valid(window) then
      local text = ('preview of %s:%d: %s'):format(name, row, state)
      vim.wo[window].winbar = text:gsub('%%', '%%%%')
    end
  end

  local after_return = false -- whether a "\n" would be the rest of a line end that is there
  local function append(value)
    local text = value.text or ''
    if text == '' or not vim.api.nvim_buf_is_valid(bufnr) then
      return
    end
    text = after_return and text:gsub('^\n', '') or text
    after_return = value.text:sub(-1) == '\r'
    text = text:gsub('\r\n?', '\n')
    local last_row, last_col = last_position(bufnr)
    local lines = vim.split(text, '\n', { plain = true })
    vim.api.nvim_buf_set_text(bufnr, last_row, last_col, last_row, last_col, lines)
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
    end
  end

  params.partialResultToken = progress.expect(append)
  title('writing, :LstmLsp stop ends it')
  local this ---@type { stop: fun(reason: string) }
  local finished = false
  local function finish(state)
    if finished then
      return -- stopped, and answered nevertheless
    end
    finished = true
    progress.done(params.partialResultToken)
    title(state)
    if running == this then
      running = nil
    end
  end
  local sent, id = served:request('lstmLsp/generate', params, function(err, result)
    if err then
      return finish('failed: ' .. (err.message or 'no reason given'))
    end
    finish(result and result.finish or 'done')
  end, source)
  this = {
    stop = function(reason)
      if not served:is_stopped() and id then
        served:cancel_request(id)
      end
      finish(reason)
    end,
  }
  if not sent then
    finish('failed: the server is gone')
    return bufnr
  end
  running = this
  vim.api.nvim_create_autocmd({ 'BufWipeout', 'LspDetach' }, {
    group = vim.api.nvim_create_augroup('lstm_lsp.preview', {}),
    callback = function(event)
      local closed = event.event == 'BufWipeout' and event.buf == bufnr
      local server_gone = event.event == 'LspDetach' and event.buf == source
      if running == this and (closed or server_gone) then
        this.stop('stopped')
      end
    end,
  })
  return bufnr
end

--- Ends the preview that is being written; what is there stays.
function M.stop()
  if running then
    running.stop('stopped')
  end
end

return M
