import { transfer } from "./transfer/main.ts";

await transfer("export");
