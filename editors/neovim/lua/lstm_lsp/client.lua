--- The language server's client: finding and starting the server, starting it again after a crash,
--- what it says about itself, and whether suggestions are wanted.

local config = require('lstm_lsp.config')

local M = {}

M.NAME = 'lstm_lsp'

local enabled = true
local RESTART_WINDOW = 300 -- seconds
local SIGTERM = 15

M.statuses = {} ---@type table<integer, table> the last lstmLsp/status by client id
local crashes = {} ---@type number[] when the server went down by itself, newest last

---@return string[]? command nil when it is nowhere
function M.command()
  if config.options.cmd then
    return vim.fn.executable(config.options.cmd[1]) == 1 and config.options.cmd or nil
  end
  local windows = vim.fn.has('win32') == 1
  for _, variable in ipairs({ 'VIRTUAL_ENV', 'CONDA_PREFIX' }) do
    local environment = vim.env[variable]
    if environment then
      local path = vim.fs.joinpath(
        environment,
        windows and 'Scripts' or 'bin',
        windows and 'lstm-lsp.exe' or 'lstm-lsp'
      )
      if vim.fn.executable(path) == 1 then
        return { path, 'serve' }
      end
    end
  end
  local path = vim.fn.exepath('lstm-lsp')
  return path ~= '' and { path, 'serve' } or nil
end

--- The server's client that answers for a buffer.
---@param bufnr integer
---@return vim.lsp.Client?
function M.attached(bufnr)
  local client = vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })[1]
  if client and client.initialized and not client:is_stopped() then
    return client
  end
end

--- Whether suggestions are wanted: globally, and in this buffer (vim.b.lstm_lsp_enabled = false).
---@param bufnr integer
function M.enabled(bufnr)
  return enabled and vim.b[bufnr].lstm_lsp_enabled ~= false
end

--- The server's settings as it is to see them.
function M.settings()
  local settings = vim.deepcopy(config.options.settings)
  settings.enabled = enabled
  return { lstmLsp = settings }
end

--- Switches suggestions, everywhere, at once; the server is told, so that its popup items go too.
---@param wanted boolean
function M.enable(wanted)
  enabled = wanted
  local settings = M.settings()
  vim.lsp.config(M.NAME, { settings = settings })
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
    client.settings = settings
    client:notify('workspace/didChangeConfiguration', { settings = settings })
  end
  M.changed()
end

function M.is_enabled()
  return enabled
end

--- Tells status lines that something changed.
function M.changed()
  vim.api.nvim_exec_autocmds('User', { pattern = 'LstmLspStatus', modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

--- A client is listed for a while after its server went; one that is listed would be used again.
local function start_when_gone()
  if next(vim.lsp.get_clients({ name = M.NAME, _uninitialized = true })) then
    vim.defer_fn(start_when_gone, 20)
  else
    vim.lsp.enable(M.NAME)
  end
end

--- After a crash.
local function start_again()
  local now = vim.uv.now() / 1000
  table.insert(crashes, now)
  while crashes[1] < now - RESTART_WINDOW do
    table.remove(crashes, 1)
  end
  if #crashes > config.options.restarts then
    local message = 'lstm-lsp: the server crashed too often and stays down (:LstmLsp restart)'
    vim.notify(message, vim.log.levels.ERROR)
    return
  end
  start_when_gone()
end

--- Stops the server and starts it anew.
function M.restart()
  crashes = {}
  vim.lsp.enable(M.NAME, false)
  start_when_gone()
end

--- Registers the server with Neovim and starts it where its languages are open.
---@param handlers table<string, lsp.Handler>
function M.start(handlers)
  local options = config.options
  enabled = options.settings.enabled ~= false
  local command = M.command()
  if not command then
    local missing = vim.api.nvim_create_augroup('lstm_lsp.missing', {})
    vim.api.nvim_create_autocmd('FileType', {
      group = missing,
      pattern = options.filetypes,
      callback = vim.schedule_wrap(function()
        vim.api.nvim_clear_autocmds({ group = missing })
        -- Short, or it would ask for Enter.
        local message = 'lstm-lsp: no server: pip install lstm-lsp (:checkhealth lstm_lsp)'
        vim.notify(message, vim.log.levels.WARN)
      end),
    })
    return
  end

  vim.lsp.config(M.NAME, {
    cmd = command,
    filetypes = options.filetypes,
    root_markers = options.root_markers,
    settings = M.settings(),
    init_options = M.settings(),
    -- Neovim 0.11 does not say this of itself: the request is this plugin's.
    capabilities = { textDocument = { inlineCompletion = { dynamicRegistration = false } } },
    handlers = vim.tbl_extend('error', handlers, {
      ['lstmLsp/status'] = function(_, status, context)
        M.statuses[context.client_id] = status
        M.changed()
      end,
    }),
    on_exit = function(code, signal, id)
      M.statuses[id] = nil
      vim.schedule(M.changed)
      -- SIGTERM is no crash: somebody wanted it to end, as client:stop(true) does.
      if code ~= 0 or (signal ~= 0 and signal ~= SIGTERM) then
        vim.schedule(start_again)
      end
    end,
  })
  vim.lsp.enable(M.NAME)
end

return M
