// Finds nothing in the printed schema, in the documents of the REST endpoints and of these clients, and in the examples
// of the docs. A rule is switched off, or set otherwise, for the reason that stands above it.
import { readFileSync } from "node:fs";
import graphql from "@graphql-eslint/eslint-plugin";
import { buildSchema, isObjectType } from "graphql";

const SCHEMA = new URL("../../schema.graphql", import.meta.url).pathname;
const EXAMPLES = ["tests/clients/generated/examples/*.graphql"];
const DOCUMENTS = ["aurum/rest/documents/*.graphql", "tests/clients/documents/*.graphql"];
const CONFIGS = graphql.configs;

const reading = {
  plugins: { "@graphql-eslint": graphql },
  languageOptions: {
    parser: graphql.parser,
    // The plugin takes those of the first file for all.
    parserOptions: { graphQLConfig: { schema: SCHEMA, documents: DOCUMENTS } },
  },
};
const types = Object.values(buildSchema(readFileSync(SCHEMA, "utf8")).getTypeMap()).filter(isObjectType);
// What can be fetched again is a Node, and has an id. Everything else is a value, a page or a payload: part of what it
// is found in.
const values = types.filter((type) => !type.getInterfaces().some((each) => each.name === "Node")).map(String);

export default [
  {
    ...reading,
    files: ["schema.graphql"],
    rules: {
      ...CONFIGS["flat/schema-all"].rules,
      ...CONFIGS["flat/schema-relay"].rules,
      "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: values } }],
      // Lists that have no pages are lists, and `nodes` beside `edges` spares a client a level. Quotes, which are rows
      // of a query and no things of their own, have pages too.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      // `movers`, a ranking, is paged forwards alone, as Relay's specification allows; the other connections go both ways.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // By code point, as graphql-schema-linter wants it: this rule wants letters in any case, and ids first.
      "@graphql-eslint/alphabetize": "off",
      // Meant for schemas that only read.
      "@graphql-eslint/no-root-type": "off",
      // What cannot fail in part is not null: a client is told by `errors` alone, and need not look for two things.
      "@graphql-eslint/require-nullable-result-in-root": "off",
      // A payload answers what was changed. A query in it would be a second operation in the first one's transaction.
      "@graphql-eslint/require-field-of-type-query-in-mutation-result": "off",
    },
  },
  { ...reading, files: DOCUMENTS, rules: CONFIGS["flat/operations-recommended"].rules },
  {
    ...reading,
    files: EXAMPLES,
    rules: {
      ...CONFIGS["flat/operations-recommended"].rules,
      // Examples are to be read and pasted, one by one.
      "@graphql-eslint/no-anonymous-operations": "off",
      // They ask for what they show: a client with a cache adds the ids.
      "@graphql-eslint/require-selections": "off",
    },
  },
];
