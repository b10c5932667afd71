import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { licences } from './licences.js'

const here = path => fileURLToPath(new URL(path, import.meta.url))
const bundled = licences(here('node_modules/'))

export default defineConfig({
  base: './', // every address is relative: the page also works under a proxy's path prefix
  resolve: {
    alias: {
      // GraphiQL carries Babel (0.5 MB) only to prettify the variables, and a second copy of the GraphQL printer.
      'prettier/parser-babel': here('prettier-json.js'),
      'prettier/plugins/estree': here('prettier-json.js'),
      'prettier/parser-graphql': 'prettier/plugins/graphql',
    },
  },
  plugins: [bundled.collect(), bundled.write('LICENSES.txt')],
  worker: { format: 'es', plugins: () => [bundled.collect()] },
  build: {
    outDir: here('../graphiql'),
    emptyOutDir: true,
    assetsInlineLimit: 0, // fonts stay files, so the policy needs no data: for them
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning), // "use client"
    },
  },
})
