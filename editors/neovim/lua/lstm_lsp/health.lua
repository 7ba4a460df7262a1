--- :checkhealth lstm_lsp

local client = require('lstm_lsp.client')
local config = require('lstm_lsp.config')

local M = {}

local TIMEOUT = 10000 -- milliseconds; the first start of a day reads the model from the disk

local function check_server()
  local command = client.command()
  if not command then
    vim.health.error('the server was not found', {
      'pip install lstm-lsp, in the environment that is active when Neovim starts',
      "or setup{ cmd = { '/path/to/lstm-lsp', 'serve' } }",
    })
    return
  end
  vim.health.ok('server: ' .. table.concat(command, ' '))
  local info = vim.list_extend({}, command)
  local at = vim.iter(ipairs(info)):find(function(_, word)
    return word == 'serve'
  end)
  if not at then
    return -- somebody's own command: only the server knows what else it can do
  end
  info = vim.list_extend(vim.list_slice(info, 1, at - 1), { 'info', '--json' })
  local ran, result = pcall(function()
    return vim.system(info, { text = true }):wait(TIMEOUT)
  end)
  local decoded, card = pcall(vim.json.decode, ran and result.stdout or '')
  if ran and result.code == 0 and decoded and type(card) == 'table' then
    vim.health.ok('model: ' .. tostring(card.name or card.model or card.path or 'found'))
  else
    local reason = ran and vim.trim(result.stderr or '') or result
    vim.health.error(('`%s` failed: %s'):format(table.concat(info, ' '), reason), {
      'run `lstm-lsp doctor` in a terminal',
    })
  end
end

local function check_clients()
  local clients = vim.lsp.get_clients({ name = client.NAME })
  if #clients == 0 then
    vim.health.info(
      'not running; it starts with the first buffer of type '
        .. table.concat(config.options.filetypes, ' or ')
    )
  end
  for _, running in ipairs(clients) do
    local version = running.server_info and running.server_info.version or ''
    local status = client.statuses[running.id] or {}
    vim.health.ok(
      ('running %s: %s, folder %s, %d buffer(s), %s'):format(
        version,
        status.state or 'loading',
        running.root_dir or 'none',
        vim.tbl_count(running.attached_buffers),
        running.offset_encoding
      )
    )
    if not running:supports_method('textDocument/inlineCompletion') then
      vim.health.error('it offers no inline completion: is it lstm-lsp?')
    end
  end
end

function M.check()
  vim.health.start('lstm_lsp')
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. tostring(vim.version()))
  else
    vim.health.error('Neovim 0.11 or later is needed')
    return
  end
  check_server()
  check_clients()
  if not client.is_enabled() then
    vim.health.warn('suggestions are switched off', { ':LstmLsp enable' })
  end
end

return M
