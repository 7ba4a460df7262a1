--- What a suggestion is and what is left of it: strings only, no buffer, no window, no screen.

local M = {}

---@class lstm_lsp.Suggestion
---@field text string what would be put in at the cursor
---@field skip integer bytes after the cursor that the suggestion's own end repeats
---@field command? lsp.Command run by the server after the whole text was accepted

--- The suggestion that an item of a textDocument/inlineCompletion answer makes at the cursor, or
--- nil when drawing it behind the cursor would mislead: an item that rewrites what stands before
--- the cursor, or what follows it (but by its own end: a closing bracket typed by the editor).
---@param item lsp.InlineCompletionItem
---@param line string the cursor's line
---@param row integer 0-based
---@param col integer 0-based, bytes
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return lstm_lsp.Suggestion?
function M.from_item(item, line, row, col, encoding)
  local text = item.insertText
  if type(text) ~= 'string' then
    return nil -- a snippet, which was not asked for
  end
  text = text:gsub('\r\n?', '\n')
  local skip = 0
  if item.range then
    local first, last = item.range.start, item.range['end']
    if first.line ~= row or last.line ~= row then
      return nil
    end
    local from = vim.str_byteindex(line, encoding, first.character, false)
    local to = vim.str_byteindex(line, encoding, last.character, false)
    local head = line:sub(from + 1, col)
    local tail = line:sub(col + 1, to)
    if from > col or to < col or not vim.startswith(text, head) then
      return nil
    end
    text = text:sub(#head + 1)
    if not vim.endswith(text, tail) then
      return nil
    end
    text, skip = text:sub(1, #text - #tail), #tail
  end
  local follows = line:sub(col + skip + 1)
  if follows:find('%S') then
    text = text:match('^[^\n]*') -- lines in the middle of a line cannot be drawn truthfully
  end
  if text == '' then
    return nil
  end
  return { text = text, skip = skip, command = item.command }
end

--- What is left of a text when `typed` was typed since; nil when they disagree.
---@param text string
---@param typed string
---@return string?
function M.rest(text, typed)
  if vim.startswith(text, typed) then
    return text:sub(#typed + 1)
  end
end

--- The first word with the white space before it: a run of letters, digits and underscores (any
--- letter outside ASCII counts as one), else a run of other signs.
---@param text string
---@return string
function M.first_word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w_%s\128-\255]+') or text
end

--- The first line; where the text begins with a line's end, that and the line after it.
---@param text string
---@return string
function M.first_line(text)
  return text:match('^\n*[^\n]+') or text
end

return M
