--- Draws text that is not in the buffer behind the cursor. Knows nothing of servers.

local M = {}

local namespace = vim.api.nvim_create_namespace('lstm_lsp.ghost')
local drawn_in ---@type integer?

--- The highlight groups; defaults that a colour scheme or the user may override.
function M.define_highlights()
  vim.api.nvim_set_hl(0, 'LstmLspGhost', { default = true, link = 'NonText' })
  vim.api.nvim_set_hl(0, 'LstmLspGhostMore', { default = true, link = 'MoreMsg' })
end

function M.clear()
  if drawn_in and vim.api.nvim_buf_is_valid(drawn_in) then
    vim.api.nvim_buf_clear_namespace(drawn_in, namespace, 0, -1)
  end
  drawn_in = nil
end

--- Virtual text shows a tab as it likes, so tabs become the spaces that they will be behind text of
--- that width.
local function expanded(line, width)
  return (
    line:gsub('([^\t]*)\t', function(run)
      width = width + vim.fn.strdisplaywidth(run)
      local spaces = vim.fn.strdisplaywidth('\t', width) -- by 'tabstop' or 'vartabstop'
      width = width + spaces
      return run .. (' '):rep(spaces)
    end)
  )
end

--- Draws `text` at the position in the current window's buffer, instead of what was drawn before.
---@param bufnr integer
---@param row integer 0-based
---@param col integer 0-based, bytes
---@param text string
---@param more? string drawn after it, such as "2/3"
function M.draw(bufnr, row, col, text, more)
  M.clear()
  local lines = vim.split(text, '\n', { plain = true })
  local before = vim.api.nvim_buf_get_text(bufnr, row, 0, row, col, {})[1]
  local chunks = {} ---@type [string, string][][]
  for number, line in ipairs(lines) do
    -- Measured only for a tab: the line before it may be long.
    local tab = number == 1 and line:find('\t', 1, true)
    local width = tab and vim.fn.strdisplaywidth(before) or 0
    chunks[number] = { { expanded(line, width), 'LstmLspGhost' } }
  end
  if more then
    table.insert(chunks[1], { ' ' .. more, 'LstmLspGhostMore' })
  end
  vim.api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
    virt_text = chunks[1],
    virt_text_pos = 'inline',
    virt_lines = vim.list_slice(chunks, 2),
    hl_mode = 'combine',
    right_gravity = true, -- the cursor stays before it
    undo_restore = false,
  })
  drawn_in = bufnr
end

return M
