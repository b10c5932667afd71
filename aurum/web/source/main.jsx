import 'graphiql/setup-workers/vite'
import { explorerPlugin } from '@graphiql/plugin-explorer'
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql'
import { createRoot } from 'react-dom/client'

import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './fonts.css'
import './aurum.css'

import { Logo } from './logo.jsx'
import { keepsHeaders, storage } from './storage.js'
import { linked, tabs } from './tabs.js'
import { defineThemes, themes } from './themes.js'

const endpoint = new URL('../graphql', location.href)
const socket = new URL(endpoint)
socket.protocol = endpoint.protocol.replace('http', 'ws')

const fetcher = createGraphiQLFetcher({ url: endpoint.href, subscriptionUrl: socket.href })

// GraphiQL finds the tab to open by its text; kept headers with no text beside them would open an empty one.
if (!storage.getItem('graphiql:tabState')) storage.setItem('graphiql:query', tabs[0].query)

await defineThemes()
createRoot(document.getElementById('root')).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    defaultTabs={linked ? [linked] : tabs}
    initialQuery={linked?.query}
    initialVariables={linked?.variables}
    editorTheme={themes}
    plugins={[HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })]}
    inputValueDeprecation
    schemaDescription
    shouldPersistHeaders={keepsHeaders()}
    showPersistHeadersSettings
  >
    <GraphiQL.Logo>
      <Logo />
    </GraphiQL.Logo>
  </GraphiQL>,
)
