import { transfer } from "./transfer/main.ts";

await transfer("import");
