--- The options of setup(): defaults, validation, and nothing else.

local M = {}

--- What a key can be given to; each is also a function of require('lstm_lsp') and a <Plug> mapping.
M.actions = {
  'accept',
  'accept_word',
  'accept_line',
  'next',
  'previous',
  'dismiss',
  'trigger',
  'toggle',
}

---@class lstm_lsp.Options
---@field cmd? string[] the server's command; nil: `lstm-lsp serve`, from the active virtual
---  environment, else from PATH
---@field filetypes string[] where the server is attached
---@field root_markers (string|string[])[] files that mark a project's folder
---@field settings table the server's settings, as in its documentation: { minimumProbability = … }
---@field automatic boolean ask while typing; false: only when triggered
---@field debounce integer milliseconds to wait after the last key; 0: ask at once
---@field restarts integer how often a crashed server is started again within five minutes
---@field keys table<string, string|false> insert mode keys by action; none is taken by default
---@field preview { max_characters: integer, temperature: number }
M.defaults = {
  cmd = nil,
  filetypes = { 'java', 'python' },
  root_markers = {
    '.lstm-lsp',
    { 'pyproject.toml', 'setup.py', 'setup.cfg' },
    { 'settings.gradle', 'settings.gradle.kts', 'pom.xml', 'build.gradle', 'build.gradle.kts' },
    '.git',
  },
  settings = {},
  automatic = true,
  debounce = 0,
  restarts = 3,
  keys = {},
  preview = { max_characters = 400, temperature = 0.6 },
}

---@type lstm_lsp.Options
M.options = vim.deepcopy(M.defaults)

local function whole_and_not_negative(value)
  return type(value) == 'number' and value >= 0 and value % 1 == 0
end

local function list_of_strings(value)
  return type(value) == 'table' and vim.islist(value) and #value > 0
    and vim.iter(value):all(function(item)
      return type(item) == 'string'
    end)
end

local function known(name, given, names)
  for key in pairs(given) do
    if not vim.list_contains(names, key) then
      error(('%s.%s: unknown option (one of: %s)'):format(name, key, table.concat(names, ', ')), 0)
    end
  end
end

--- Checks and keeps the user's options. Errors name the option; nothing is kept then.
---@param given? table
---@return lstm_lsp.Options
function M.set(given)
  given = given or {}
  vim.validate('lstm_lsp.setup()', given, 'table')
  local names = vim.tbl_keys(M.defaults)
  table.insert(names, 'cmd')
  table.sort(names)
  known('lstm_lsp', given, names)

  local options = vim.tbl_deep_extend('force', M.defaults, given)
  local counted = 'a whole number, 0 or more'
  vim.validate('lstm_lsp.cmd', options.cmd, list_of_strings, true, 'a list of strings')
  vim.validate('lstm_lsp.filetypes', options.filetypes, list_of_strings, 'a list of file types')
  vim.validate('lstm_lsp.root_markers', options.root_markers, vim.islist, 'a list')
  vim.validate('lstm_lsp.settings', options.settings, 'table')
  vim.validate('lstm_lsp.automatic', options.automatic, 'boolean')
  vim.validate('lstm_lsp.debounce', options.debounce, whole_and_not_negative, counted)
  vim.validate('lstm_lsp.restarts', options.restarts, whole_and_not_negative, counted)
  vim.validate('lstm_lsp.keys', options.keys, 'table')
  known('lstm_lsp.keys', options.keys, M.actions)
  for action, key in pairs(options.keys) do
    vim.validate('lstm_lsp.keys.' .. action, key, function(value)
      return value == false or type(value) == 'string'
    end, 'a key, as in vim.keymap.set(), or false')
  end
  vim.validate('lstm_lsp.preview', options.preview, 'table')
  known('lstm_lsp.preview', options.preview, vim.tbl_keys(M.defaults.preview))
  vim.validate(
    'lstm_lsp.preview.max_characters',
    options.preview.max_characters,
    whole_and_not_negative,
    counted
  )
  vim.validate('lstm_lsp.preview.temperature', options.preview.temperature, 'number')

  M.options = options
  return options
end

return M
