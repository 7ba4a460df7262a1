--- What users call. Every function here is also a <Plug> mapping or a :LstmLsp subcommand.

local M = {}

-- Loaded when first used.
local function inline()
  return require('lstm_lsp.inline')
end

--- Starts the server for its languages and ghost text with it. Options: |lstm-lsp-options|.
---@param options? table
function M.setup(options)
  if vim.fn.has('nvim-0.11') == 0 then
    vim.notify('lstm-lsp needs Neovim 0.11 or later', vim.log.levels.ERROR)
    return
  end
  local set = require('lstm_lsp.config').set(options)
  local client = require('lstm_lsp.client')
  local ghost = require('lstm_lsp.ghost')
  local group = vim.api.nvim_create_augroup('lstm_lsp', {})

  ghost.define_highlights()
  vim.api.nvim_create_autocmd('ColorScheme', { group = group, callback = ghost.define_highlights })
  vim.api.nvim_create_autocmd('LspAttach', {
    group = group,
    callback = function(event)
      local attached = vim.lsp.get_client_by_id(event.data.client_id)
      if attached and attached.name == client.NAME then
        inline().attach(event.buf)
        if vim.lsp.inline_completion and set.automatic then
          -- Neovim 0.12's own would draw the same text a second time.
          vim.lsp.inline_completion.enable(false, { client_id = attached.id })
        end
      end
    end,
  })
  vim.api.nvim_create_autocmd('LspDetach', {
    group = group,
    callback = function(event)
      local detached = vim.lsp.get_client_by_id(event.data.client_id)
      if not detached or detached.name == client.NAME then
        inline().detach(event.buf)
      end
    end,
  })
  for action, key in pairs(set.keys) do
    if key then
      local plug = ('<Plug>(lstm-lsp-%s)'):format((action:gsub('_', '-')))
      vim.keymap.set('i', key, plug, { desc = 'lstm-lsp: ' .. action:gsub('_', ' ') })
    end
  end
  client.start({ ['$/progress'] = require('lstm_lsp.progress').handle })
end

--- Puts the whole suggestion in. Like all that accept, it returns whether there was one, so that a
--- mapping can do something else when there was none.
---@return boolean
function M.accept()
  return inline().accept()
end

--- Puts in its next word.
---@return boolean
function M.accept_word()
  return inline().accept(require('lstm_lsp.suggestion').first_word)
end

--- Puts in its next line.
---@return boolean
function M.accept_line()
  return inline().accept(require('lstm_lsp.suggestion').first_line)
end

--- Shows the next suggestion for the same place.
---@return boolean
function M.next()
  return inline().cycle(1)
end

--- Shows the previous one.
---@return boolean
function M.previous()
  return inline().cycle(-1)
end

--- Takes the suggestion off the screen.
---@return boolean
function M.dismiss()
  return inline().dismiss()
end

--- Asks for suggestions now, whatever `automatic` says.
function M.trigger()
  inline().trigger()
end

--- Whether a suggestion is on screen.
---@return boolean
function M.visible()
  return inline().visible()
end

--- Switches suggestions on or off, everywhere and at once.
---@param wanted boolean
function M.enable(wanted)
  if not wanted then
    inline().dismiss()
  end
  require('lstm_lsp.client').enable(wanted)
end

function M.toggle()
  M.enable(not require('lstm_lsp.client').is_enabled())
end

--- For a status line: '' where the server is not attached, else what it does.
---@return string
function M.statusline()
  return require('lstm_lsp.status').line()
end

return M
