// What a visitor sees first. Both operations must be valid against schema.graphql.

const firstCurve = `# Forward curves as the market saw them.
#
#   Ctrl-Enter  runs the operation at the cursor
#   Ctrl-Space  completes
#   Hover       reads a field's unit and convention
#
# On the left: the documentation, the history, and
# the explorer, which writes queries from ticks.
#
# If the server asks who you are, open Headers below:
#   {"Authorization": "Bearer <token>"}
# Subscriptions send it too.

query FirstCurve {
  curve(key: "eugp:eu/dutch_ttf/gas") {
    name
    unit {
      code
    }
    snapshot {
      asOf
      version
      publishedAt
      points(tenorTypes: [MONTH]) {
        tenor
        deliveryStart
        deliveryEnd
        mid
        bid
        ask
        cell
      }
    }
  }
}
`

const firstSubscription = `# A message for every curve that is published.
# Run it and leave it open; the button stops it.
#
# To go on where you left off, pass the last cursor
# you saw: curvePublished(after: "...").

subscription Published {
  curvePublished {
    cursor
    asOf
    curve {
      key
    }
  }
}
`

export const tabs = [{ query: firstCurve }, { query: firstSubscription }]

// What a link shares: /graphiql/?query=...&variables=... It opens a tab of its own, and nothing runs by itself.
const link = new URLSearchParams(location.search)
export const linked = link.get('query') && { query: link.get('query'), variables: link.get('variables') ?? '' }
