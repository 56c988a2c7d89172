/** The fake gateway as a program of its own, to see what the generator alone costs. */
import { FakeGateway } from "./fake-gateway.ts";

const gateway = new FakeGateway();
process.stdout.write(`http://127.0.0.1:${gateway.port}/\n`);
