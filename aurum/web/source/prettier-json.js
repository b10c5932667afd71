// A Prettier plugin for JSON with comments that asks jsonc-parser, which is in the bundle anyway.
import { applyEdits, format } from 'jsonc-parser'

const LAYOUT = { insertSpaces: true, tabSize: 2, eol: '\n' }

export const parsers = {
  jsonc: { astFormat: 'jsonc', parse: text => text, locStart: () => 0, locEnd: text => text.length },
}

export const printers = {
  jsonc: { print: ({ node }) => applyEdits(node, format(node, undefined, LAYOUT)) },
}
