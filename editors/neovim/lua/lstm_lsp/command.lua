--- :LstmLsp SUBCOMMAND ...

local client = require('lstm_lsp.client')

local M = {}

local function echo(line)
  vim.api.nvim_echo({ { line } }, true, {})
end

local function float(text)
  vim.lsp.util.open_floating_preview(
    vim.split(text, '\n', { plain = true }),
    'markdown',
    { border = 'rounded', focus_id = 'lstm_lsp' }
  )
end

--- Runs one of the server's commands; `answered` gets what it returns.
local function execute(command, arguments, answered)
  local bufnr = vim.api.nvim_get_current_buf()
  local served = client.attached(bufnr)
  if not served then
    return echo('lstm-lsp: no server for this buffer (:checkhealth lstm_lsp)')
  end
  local params = { command = command, arguments = arguments }
  served:request('workspace/executeCommand', params, function(err, result)
    if err then
      vim.notify('lstm-lsp: ' .. (err.message or vim.inspect(err)), vim.log.levels.ERROR)
    elseif answered then
      answered(result)
    end
  end, bufnr)
end

--- "seed=1 temperature=0.5" as a table; other names and values that are no numbers are errors.
local function numbers(words, names)
  local values = {}
  for _, word in ipairs(words) do
    local name, value = word:match('^([%w_]+)=(.+)$')
    if not name or not vim.list_contains(names, name) or not tonumber(value) then
      error(('lstm-lsp: %s: expected %s=NUMBER'):format(word, table.concat(names, '=NUMBER or ')), 0)
    end
    values[name] = tonumber(value)
  end
  return values
end

local PREVIEW = { 'max_characters', 'temperature', 'seed' }

M.subcommands = {
  status = function()
    require('lstm_lsp.status').describe(echo)
  end,
  enable = function()
    require('lstm_lsp').enable(true)
  end,
  disable = function()
    require('lstm_lsp').enable(false)
  end,
  toggle = function()
    require('lstm_lsp').toggle()
    echo('lstm-lsp: suggestions ' .. (client.is_enabled() and 'on' or 'off'))
  end,
  restart = client.restart,
  --- Why was this, or nothing, shown last?
  explain = function()
    if not client.enabled(vim.api.nvim_get_current_buf()) then
      return echo('lstm-lsp: suggestions are off here (:LstmLsp toggle)')
    end
    -- Where it was asked for, not where the cursor has gone since; the cursor before any question.
    local served = client.attached(vim.api.nvim_get_current_buf())
    local place = require('lstm_lsp.ask').place()
      or served and vim.lsp.util.make_position_params(0, served.offset_encoding)
    execute('lstmLsp.explain', { place }, function(result)
      if type(result) == 'table' then
        result = result.markdown or result.message or result.text or vim.inspect(result)
      end
      float(type(result) == 'string' and result or 'Nothing to explain yet.')
    end)
  end,
  preview = function(words)
    require('lstm_lsp.preview').open(numbers(words, PREVIEW))
  end,
  --- Ends the preview and a training run.
  stop = function()
    require('lstm_lsp.preview').stop()
    require('lstm_lsp.training').cancel()
  end,
  --- Fine-tunes the model on a folder; the project's when none is given.
  train = function(words)
    require('lstm_lsp.training').start(execute, words[1])
  end,
}

---@param words string[]
function M.run(words)
  local subcommand = M.subcommands[words[1]]
  if not subcommand then
    local names = vim.tbl_keys(M.subcommands)
    table.sort(names)
    echo(('lstm-lsp: no such command: %s (%s)'):format(words[1], table.concat(names, ', ')))
    return
  end
  local ran, message = pcall(subcommand, vim.list_slice(words, 2))
  if not ran then
    vim.notify(message, vim.log.levels.ERROR)
  end
end

--- Completion of the command line.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(vim.trim(line), '%s+')
  local nth = #words - (lead == '' and 0 or 1) -- words before the one that is completed
  local found = {}
  if nth == 1 then
    found = vim.tbl_keys(M.subcommands)
  elseif words[2] == 'preview' then
    found = vim.iter(PREVIEW):map(function(name)
      return name .. '='
    end):totable()
  elseif words[2] == 'train' then
    return vim.fn.getcompletion(lead, 'dir')
  end
  table.sort(found)
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, found)
end

return M
