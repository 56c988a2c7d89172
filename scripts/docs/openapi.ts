import { openApiDocument } from "../../gateway/http/openapi.ts";
import { jsonText } from "./document.ts";
import type { Document } from "./document.ts";

export const openapiDocument: Document = {
  path: "openapi.json",
  render: () => jsonText(openApiDocument()),
};
