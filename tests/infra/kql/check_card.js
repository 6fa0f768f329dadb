// Checks an Adaptive Card with Microsoft's own parser. In: the card as JSON on stdin. Out: its findings, as a JSON list of messages.
const cards = require("adaptivecards/dist/adaptivecards.js");
const fs = require("fs");

const context = new cards.SerializationContext();
const card = new cards.AdaptiveCard();
card.parse(JSON.parse(fs.readFileSync(0, "utf8")), context);
const findings = [];
for (let index = 0; index < context.eventCount; index++) findings.push(context.getEventAt(index).message);
for (const event of card.validateProperties().validationEvents) findings.push(event.message);
process.stdout.write(JSON.stringify(findings));
