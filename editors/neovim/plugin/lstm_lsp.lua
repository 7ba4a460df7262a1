-- The <Plug> mappings and :LstmLsp; nothing is loaded before they are used. No key is taken.

if vim.g.loaded_lstm_lsp then
  return
end
vim.g.loaded_lstm_lsp = true

local actions = 'accept accept_word accept_line next previous dismiss trigger toggle'
for action in actions:gmatch('%S+') do
  vim.keymap.set('i', ('<Plug>(lstm-lsp-%s)'):format((action:gsub('_', '-'))), function()
    require('lstm_lsp')[action]()
  end, { desc = 'lstm-lsp: ' .. action:gsub('_', ' ') })
end

vim.api.nvim_create_user_command('LstmLsp', function(arguments)
  require('lstm_lsp.command').run(arguments.fargs)
end, {
  nargs = '+',
  desc = 'lstm-lsp: local code completion',
  complete = function(lead, line)
    return require('lstm_lsp.command').complete(lead, line)
  end,
})
