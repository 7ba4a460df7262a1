--- Fine-tuning on the user's own code: the server trains in a process of its own and reports by
--- work-done progress, which is shown here and can be cancelled.

local client = require('lstm_lsp.client')

local M = {}

local TOKEN = 'lstm-lsp-train'
local running ---@type vim.lsp.Client?

local function show(text)
  vim.api.nvim_echo({ { 'lstm-lsp: ' .. text } }, false, {})
end

vim.api.nvim_create_autocmd('LspProgress', {
  group = vim.api.nvim_create_augroup('lstm_lsp.training', {}),
  callback = function(event)
    local params = event.data.params
    if params.token ~= TOKEN then
      return
    end
    local value = params.value
    local percentage = value.percentage and (' %d%%'):format(value.percentage) or ''
    show((value.title or 'training') .. percentage .. (value.message and ' ' .. value.message or ''))
    if value.kind == 'end' then
      running = nil
    end
  end,
})

---@param execute fun(command: string, arguments: table, answered: fun(result: any))
---@param folder? string
function M.start(execute, folder)
  local served = client.attached(vim.api.nvim_get_current_buf())
  folder = folder and vim.fn.fnamemodify(vim.fn.expand(folder), ':p')
    or served and served.root_dir
    or vim.fn.getcwd()
  running = served
  execute('lstmLsp.train', { { path = folder, workDoneToken = TOKEN } }, function(result)
    if type(result) == 'table' and result.message then
      show(result.message)
    end
  end)
end

--- Asks the server to end a training run; it keeps its checkpoint.
function M.cancel()
  if running and not running:is_stopped() then
    running:notify('window/workDoneProgress/cancel', { token = TOKEN })
  end
end

return M
