// What Relay needs of a schema: objects that are fetched again by `node`, connections that are paged, typed fragments.
import { graphql } from "relay-runtime";

export const catalogue = graphql`
  query catalogueQuery($count: Int!, $filter: CurveFilter) {
    ...catalogue_curves @arguments(count: $count, filter: $filter)
  }
`;

export const curves = graphql`
  fragment catalogue_curves on Query
  @refetchable(queryName: "catalogueNextQuery")
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" }, filter: { type: "CurveFilter" }) {
    curves(first: $count, after: $cursor, filter: $filter) @connection(key: "catalogue_curves") {
      edges {
        node {
          key
          ...catalogue_curve
        }
      }
    }
  }
`;

export const curve = graphql`
  fragment catalogue_curve on Curve
  @refetchable(queryName: "catalogueCurveQuery")
  @argumentDefinitions(asOf: { type: "Date" }) {
    name
    snapshot(asOf: $asOf) {
      asOf
      points(tenorTypes: [MONTH]) {
        tenor
        mid
      }
    }
  }
`;
