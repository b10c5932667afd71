// One query and one subscription with the typed documents: prints what they answer. The address is the only argument.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print, type ExecutionResult } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

import {
  CurvePricesDocument,
  CurvesPublishedDocument,
  type CurvesPublishedSubscription,
} from "../generated/typed/graphql.js";

const url = process.argv[2] ?? "http://127.0.0.1:8000/graphql";

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as ExecutionResult<Data>;
  if (!data || errors) throw new Error(errors?.map((error) => error.message).join("; ") ?? response.statusText);
  return data;
}

async function firstPublished(): Promise<CurvesPublishedSubscription["curvePublished"]> {
  const client = createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket });
  const variables = { after: "0", filter: { products: ["gas"] } };
  try {
    for await (const { data } of client.iterate<CurvesPublishedSubscription>({
      query: print(CurvesPublishedDocument),
      variables,
    }))
      if (data) return data.curvePublished;
  } finally {
    await client.dispose();
  }
  throw new Error("the subscription ended");
}

const { curve } = await ask(CurvePricesDocument, { key: "eugp:eu/dutch_ttf/gas", tenorTypes: ["MONTH"] });
const mids: (number | null | undefined)[] = curve?.snapshot?.points.map((point) => point.mid) ?? [];
console.log(JSON.stringify({ name: curve?.name, asOf: curve?.snapshot?.asOf, mids, event: await firstPublished() }));
