// The editor's colours, to go with aurum.css. GraphiQL's own themes are pink.
export const themes = { light: 'aurum-light', dark: 'aurum-dark' }

const palettes = {
  light: {
    base: 'vs', accent: '#8f6200', panel: '#ffffff', soft: '#8f620019', field: '#3b4b6811',
    argument: '#5b57c4', key: '#1f5fa8', type: '#0a7a6c', keyword: '#8f6200',
  },
  dark: {
    base: 'vs-dark', accent: '#e9b949', panel: '#212a3b', soft: '#e9b9491f', field: '#b7c2d711',
    argument: '#a5a1ff', key: '#8fc7ff', type: '#5fd4c3', keyword: '#e9b949',
  },
}

export async function defineThemes() {
  const { editor } = await import('monaco-graphql/esm/monaco-editor.js')
  for (const [mode, palette] of Object.entries(palettes)) editor.defineTheme(themes[mode], theme(palette))
}

function theme({ base, accent, panel, soft, field, argument, key, type, keyword }) {
  return {
    base,
    inherit: true,
    rules: [
      { token: 'keyword.gql', foreground: keyword },
      { token: 'key.identifier.gql', foreground: key },
      { token: 'argument.identifier.gql', foreground: argument },
      { token: 'type.identifier.gql', foreground: type },
    ],
    colors: {
      'editor.background': '#ffffff00',
      'scrollbar.shadow': '#ffffff00',
      'editorHoverWidget.background': panel,
      'editorSuggestWidget.background': panel,
      'editorSuggestWidget.selectedBackground': soft,
      'editorSuggestWidget.selectedForeground': accent,
      'editorWidget.background': panel,
      'editorWidget.resizeBorder': accent,
      'menu.background': panel,
      'menu.selectionBackground': soft,
      'menu.selectionForeground': accent,
      'quickInput.background': panel,
      'quickInputList.focusBackground': soft,
      'quickInputList.focusForeground': accent,
      'pickerGroup.foreground': accent,
      'input.background': field,
      'inputOption.hoverBackground': soft,
      'toolbar.hoverBackground': soft,
      'list.hoverBackground': soft,
      'list.highlightForeground': accent,
      'list.focusHighlightForeground': accent,
      'textLink.foreground': accent,
      'textLink.activeForeground': accent,
      'editorLink.activeForeground': accent,
      focusBorder: accent,
    },
  }
}
