/**
 * Which domains a user's turn is about, by its words: nouns and names of each domain, what belongs to one domain only
 * ("stars", "ticket"), who was speaking before, and what was asked. Kept apart from routing by prototypes: the router
 * picks the agent, this lets that agent notice that the turn is another's and hand it off. Pure; sees words only.
 *
 * N1: a place that only locates something else ("near the hotel", "same day as the train") counts for no domain.
 */
import type { Domain } from "../data/dialogue.ts";
import type { Tables } from "../data/tables.ts";
import type { Mention, Ontology } from "./ontology.ts";
import { type Reading, readTurn } from "./reading.ts";
import { NOUNS_OF } from "./references.ts";

export interface DomainScore {
  readonly domain: Domain;
  readonly score: number;
}

export interface TurnDomains {
  /** The domains that the turn asks something of, most certain first; never empty. */
  readonly domains: readonly Domain[];
  readonly scores: readonly DomainScore[];
}

type Served = Exclude<Domain, "general">;

const PLACE = `(?:@(?:hotel|restaurant|attraction|station)\\d+|(?:(?:the|my|our|that|this|a) )?(?:\\w+ )?(?:${NOUNS_OF.hotel}|${NOUNS_OF.restaurant}|${NOUNS_OF.attraction}|${NOUNS_OF.train})(?: (?:reservation|booking|stay))?)`;

/** Phrases that locate or compare by another place (N1). */
const LOCATING: readonly RegExp[] = [
  new RegExp(
    `\\b(?:same|similar)\\b[^.?!]{0,50}?\\b(?:as|of|that|with|for|near|when|day|time) (?:that |for |of |in |you |i |we |booked |reserved )*${PLACE}`,
    "g",
  ),
  new RegExp(
    `\\b(?:near(?:by)?|close(?: by)? to|close by|next to|around|within walking distance (?:of|to|from)|walking distance (?:of|to|from)|vicinity of|area of|not (?:too )?far from|by) ${PLACE}`,
    "g",
  ),
  new RegExp(`\\b(?:(?:places?|something|one) like|besides|after|before|than|still catch) ${PLACE}`, "g"),
];

interface Cue {
  readonly pattern: RegExp;
  readonly weight: number;
}

const CUES: Readonly<Record<Served, readonly Cue[]>> = {
  hotel: [
    { pattern: /\b(?:hotels?|guesthouses?|bnbs?|lodgings?|accommodations?|hostels?|motels?|inn)\b/, weight: 3 },
    {
      pattern:
        /\b(?:(?:place|somewhere|places) (?:for me |for us |in \w+ |that i can |i can |we can )?to (?:stay|sleep|spend)|(?<!have )rooms?|where (?:i|we) (?:can|could) stay|place to rest|stay(?:ing)? (?:at|in|for|overnight)|needing a stay)\b/,
      weight: 2.5,
    },
    { pattern: /\b(?:\d|zero|one|two|three|four|five) ?stars?\b|\bstar rating\b|\bstars?\b/, weight: 2.5 },
    { pattern: /\b(?:nights?\b(?! ?club)|wifi|internet|parking)\b/, weight: 2.2 },
  ],
  restaurant: [
    { pattern: /\b(?:restaurants?|diners?|eateries|eatery|bistro|gastropub|steakhouse)\b/, weight: 3 },
    {
      pattern: /\b(?:food|cuisine|eat|eating|dine|dining|dinner|lunch|breakfast|meal|hungry|serv(?:es?|ing)|tables?|grab a bite|bite)\b/,
      weight: 2.6,
    },
    { pattern: /\b(?:tandoori|noodle|curry|pizza|steak|takeaway)\b/, weight: 1.5 },
  ],
  attraction: [
    {
      pattern:
        /\b(?:attractions?|museums?|colleges?|theatres?|cinemas?|galler(?:y|ies)|nightclubs?|clubs?|swimmingpools?|pools?|swimming|swim|boats?|boating|punting|architectur\w*|entertainment|concerthalls?|concerts?|church(?:es)?|parks?\b|sports?|sightsee\w*|sights|movies?|tourist|nightlife)\b/,
      weight: 3,
    },
    {
      pattern:
        /\b(?:(?:places?|somewhere|something|things|stuff|anything|activit\w*) (?:\w+ )?(?:\w+ )?(?:to (?:go|visit|see|do|check out)|fun|interesting|i can visit)|place of interest|visit(?:ing)? (?:a|the|while)|entrance|admission|fun\b|to do in|(?:there|interesting|worth) to (?:see|do|visit)|see and do|check out (?:a|some))\b/,
      weight: 2.2,
    },
    { pattern: /\bfees?\b/, weight: 1.5 },
  ],
  train: [
    { pattern: /\b(?:trains?|railway|rail)\b/, weight: 4 },
    { pattern: /\btr ?\d{3,4}\b/, weight: 3 },
    {
      pattern:
        /\b(?:tickets?|travel time|travell?ing (?:to|from|by)|departs?|departing|departure|duration|seats?|station|arrival time|how long (?:is|does|will)|journey)\b/,
      weight: 1.6,
    },
  ],
  taxi: [
    { pattern: /\b(?:taxis?|cabs?|taxicabs?|uber)\b/, weight: 6 },
    {
      pattern:
        /\b(?:car type|type of car|what (?:type|kind) of car|pick (?:me|us) up|picked up|pick ?up|drop(?:ped)? off|a ride|a car|commut\w*|transportation|a lift)\b/,
      weight: 3,
    },
  ],
  hospital: [
    { pattern: /\b(?:hospitals?|addenbrookes?|paediatric|doctor|injur\w*|medical|ambulance|department)\b/, weight: 6 },
    { pattern: /\b(?:hurt|sick|ill|accident)\b/, weight: 2 },
  ],
  police: [{ pattern: /\b(?:police|robbed|stolen|robbery|burglar\w*|theft|thief|crime|mugged)\b/, weight: 6 }],
};

const SERVED: readonly Served[] = ["hotel", "restaurant", "attraction", "train", "taxi", "hospital", "police"];

export const THANKS: RegExp =
  /\b(?:thanks?|thank you|bye|goodbye|good bye|cheers|that(?:'s| is|'ll be| will be| was)? (?:all|it|everything)|have a (?:good|great|nice|lovely|wonderful)|all set|all i need\w*|no,? (?:that|i think|i am|i'm) ?(?:'s|is|good|done)|appreciate|take care|nothing else|that will do|great day|great help|i'm good)\b/;
const GREETING = /^(?:hi|hello|hey|good (?:morning|day|evening|afternoon)|greetings)(?: there)?[ ,.!]*(?:how are you[ ?.]*)?$/;
const ASKING =
  /\b(?:need|want|looking|look|find|book|can you|could you|what|which|where|when|how|is there|are there|do you|does|tell|give|also|please|recommend|reserve|get me|provide|i'd like|i would like|leav\w+|arriv\w+)\b/;

/** How much the domain served before weighs against words that are not bound to a domain. */
const INCUMBENT_BONUS = 1.8;
/** What it adds where the system spoke of the incumbent's domain anyway. */
const AGREEMENT_BONUS = 0.8;
/** What the last system utterance spoke of is what the user answers, even where the incumbent is another. */
const SYSTEM_BONUS = 2;
/** "I also need …" or an answer to "anything else?" announces a change of subject: what was before weighs less. */
const NEW_SUBJECT_FACTOR = 0.5;
/** From this score on a second domain is taken to be asked for as well. */
const SECOND_DOMAIN_MIN = 2.5;
const NEW_SUBJECT =
  /\b(?:also|another|as well|additionally|next|other thing|instead)\b|^no\b[ ,.]*(?:thanks?|thank you)?[^?]*\b(?:need|looking|want|help|find)\b|\bthanks?(?: you)?\b[^?]*\b(?:need|looking|want|find|suggest|recommend)\b/;
const ANYTHING_ELSE =
  /\b(?:anything|something) (?:else|more|further)\b|\bfurther assistance\b|\bassist (?:you )?(?:with|further)|\bhelp you with\b[^?]*\btoday/;
/** How a ride or a journey is spoken of. */
const JOURNEY =
  /\b(?:from|leav\w*|depart\w*|going|go to|get to|heading|headed|arriv\w*|coming|travel\w*|pick\w*|take (?:me|us)|between|back to|be (?:there|at)|get there|to (?:the |@))/;
/** A sentence that asks: "I also need …". What stands in it counts more than what is told. */
const WISH = /\b(?:looking for (?!one|a ride)|find me|book (?:a|me a) (?:room|table)|recommend|want to (?:eat|stay))\b/;
const NEED =
  /\b(?:need|want|looking for|look for|find|book|searching|search|interested in|recommend|like|get|info(?:rmation)? (?:on|about)|help (?:me )?with|about|reserve|any)\b/;

type Scores = Record<Served, number>;

function zeroScores(): Scores {
  return { hotel: 0, restaurant: 0, attraction: 0, train: 0, taxi: 0, hospital: 0, police: 0 };
}

const PLACES = ["hotel", "restaurant", "attraction"] as const;

function scoreNames(scores: Scores, own: string, mentions: readonly Mention[], ontology: Ontology): void {
  for (const match of own.matchAll(/@(hotel|restaurant|attraction|station)(\d+)/g)) {
    const mention = mentions[Number(match[2])];
    if (!mention) continue;
    if (mention.kind !== "station") scores[mention.kind] += 3;
    else if (mention.name !== ontology.town) scores.train += 3;
    else if (/\b(?:from|to) (?:go to )?@station\d+(?: (?:to|from) @station|[^a-z]*$)/.test(own)) scores.train += 0.5;
  }
}

/** The scores of one sentence; `riding` says that a ride is being spoken of, so that places are its ends. */
function scoreSentence(ontology: Ontology, sentence: string, mentions: readonly Mention[], riding: boolean): Scores {
  const scores = zeroScores();
  let own = sentence;
  for (const pattern of LOCATING) own = own.replace(pattern, " ");
  for (const domain of SERVED) for (const cue of CUES[domain]) if (cue.pattern.test(own)) scores[domain] += cue.weight;
  if (ontology.foods.some((food) => own.includes(food))) scores.restaurant += 2;
  scoreNames(scores, own, mentions, ontology);
  const place = Math.max(...PLACES.map((domain) => scores[domain]));
  const toOrFrom = JOURNEY.test(sentence) || sentence.split(" ").length <= 6;
  if (riding && scores.taxi < 3 && place > 0 && toOrFrom && !WISH.test(sentence)) scores.taxi += 3;
  // A ride names where it goes; the places are its ends and nothing is asked of their domains.
  if (scores.taxi >= 3) for (const domain of [...PLACES, "train"] as const) scores[domain] *= 0.2;
  else if (scores.train >= 4) for (const domain of PLACES) scores[domain] *= 0.35;
  else if (NEED.test(own)) for (const domain of SERVED) scores[domain] *= 1.15;
  return scores;
}

/** The domain that the last system utterance speaks of: that of its question, else of all it says. */
function systemDomain(reading: Reading): Served | undefined {
  const { masked, mentions } = reading.system;
  const question = masked.split(/(?<=[.!?])\s+/).findLast((sentence) => sentence.includes("?")) ?? "";
  for (const sentence of [question, masked]) {
    const scores = scoreSentence(reading.ontology, sentence, mentions, false);
    let best: Served | undefined;
    for (const domain of SERVED) if (scores[domain] >= 1.5 && scores[domain] > (best ? scores[best] : 0)) best = domain;
    if (best) return best;
  }
  return undefined;
}

/** What a turn of mere thanks does not have: numbers, names, days, consent to a question. */
const CONTENT = /\d|@|\b(?:yes|just|day|one|two|three|four|five|six|seven|eight)\b|day\b/;

/** Thanks, greetings and farewells that ask for nothing. */
export function isGeneral(masked: string): boolean {
  if (GREETING.test(masked)) return true;
  if (!THANKS.test(masked)) return false;
  const rest = masked.replace(
    /\b(?:good|great|nice|lovely|wonderful) (?:day|one)\b|\btoday\b|\bneed(?:ed)?\b(?= (?:for|right|now|today|\.|$))|\ball (?:that )?i (?:needed|need|wanted)\b|\bfor (?:your|the|all)\b|\bhelp\b/g,
    " ",
  );
  return !ASKING.test(rest.replace(THANKS, " ")) && !CONTENT.test(rest);
}

/** Sentences of a masked text; "and also" begins a new one, since that is how a second wish is joined on. */
export function sentencesOf(masked: string): readonly string[] {
  return masked
    .split(/(?<=[.!?])\s+|\s+(?=(?:and )?(?:i )?also (?:need|want|look|find|book|would|i)\b)/)
    .filter((sentence) => sentence.trim() !== "");
}

/** Whether the turn is part of arranging a ride: it says so, or that is what was spoken of. */
function isRiding(reading: Reading, incumbent: Domain | undefined, spoken: Served | undefined): boolean {
  return (
    CUES.taxi.some(({ pattern }) => pattern.test(reading.masked)) ||
    spoken === "taxi" ||
    (incumbent === "taxi" && (spoken === undefined || spoken === "train" || JOURNEY.test(reading.system.masked)))
  );
}

/** The turn's own scores by its sentences: the strongest sentence counts, others that agree add a little. */
function ownScores(reading: Reading, riding: boolean): Scores {
  const total = zeroScores();
  for (const sentence of sentencesOf(reading.masked)) {
    const scores = scoreSentence(reading.ontology, sentence, reading.mentions, riding);
    for (const domain of SERVED) total[domain] = Math.max(total[domain], scores[domain]) + 0.25 * Math.min(total[domain], scores[domain]);
  }
  return total;
}

function withContext(reading: Reading, own: Scores, incumbent: Domain | undefined, spoken: Served | undefined): Scores {
  const total = { ...own };
  const factor = NEW_SUBJECT.test(reading.masked) || ANYTHING_ELSE.test(reading.system.masked) ? NEW_SUBJECT_FACTOR : 1;
  if (spoken) total[spoken] += SYSTEM_BONUS * factor;
  if (incumbent && incumbent !== "general") total[incumbent] += (spoken === incumbent ? AGREEMENT_BONUS : INCUMBENT_BONUS) * factor;
  // Asked when to leave or where from, outside of a train's booking, one speaks of a ride.
  const { asked } = reading;
  const journeyAsked = asked.has("leaveAt") || asked.has("arriveBy") || asked.has("departure") || asked.has("destination");
  if (journeyAsked && incumbent !== "train" && spoken !== "train" && spoken === undefined && JOURNEY.test(reading.masked))
    total.taxi += INCUMBENT_BONUS + 0.5;
  return total;
}

const CONTINUES = /\b(?:book|reserve|reservation|phone|address|postcode|fee|number|reference|free|it|they|their)\b|\d/;

/** Whether a turn first answers what was spoken of, in a sentence that names no domain, and then turns to another. */
function continuesBefore(reading: Reading): boolean {
  const [first = "", ...rest] = sentencesOf(reading.masked).filter(
    (sentence) => !/^(?:yes|no|ok|okay|great|thanks?(?: you)?|perfect|alright|sure)[ ,.!]*$/.test(sentence),
  );
  if (rest.length === 0 || !CONTINUES.test(first)) return false;
  const scores = scoreSentence(reading.ontology, first, reading.mentions, false);
  return (
    SERVED.every((domain) => scores[domain] < 1) && (/\?/.test(first) || /\b(?:book|reserve|need|get|give|send|tell|for \d)\b/.test(first))
  );
}

/** The scores of a turn that was read, with the bonus of who spoke before and what of. */
export function domainsOfReading(reading: Reading, incumbent: Domain | undefined): TurnDomains {
  const spoken = systemDomain(reading);
  const own = ownScores(reading, isRiding(reading, incumbent, spoken));
  const total = withContext(reading, own, incumbent, spoken);
  const scores = SERVED.map((domain) => ({ domain, score: total[domain] })).sort((a, b) => b.score - a.score);
  const best = scores[0] as DomainScore;
  const strongest = Math.max(...SERVED.map((domain) => own[domain]));
  if (strongest < 1 && isGeneral(reading.masked)) return { domains: ["general"], scores };
  if (best.score <= 0) return { domains: [incumbent ?? "general"], scores };
  const others = scores.slice(1).filter(({ domain }) => own[domain as Served] >= SECOND_DOMAIN_MIN && own[best.domain as Served] > 0);
  const domains = [best.domain, ...others.map(({ domain }) => domain)];
  const before = spoken ?? incumbent;
  if (before && !domains.includes(before) && continuesBefore(reading)) domains.push(before);
  return { domains, scores };
}

/** The domains that a turn is about, from words, the agent that served before, and what it said. */
export function domainOfTurn(tables: Tables, userText: string, incumbent?: Domain, lastSystemText?: string): TurnDomains {
  return domainsOfReading(readTurn(tables, userText, lastSystemText), incumbent);
}

/** The part of a masked text that speaks to one domain, when a turn speaks to several; else all of it. */
export function partFor(reading: Reading, domain: Domain, domains: readonly Domain[], incumbent: Domain | undefined): string {
  if (domains.length < 2 || domain === "general") return reading.masked;
  let current: Domain = incumbent && domains.includes(incumbent) ? incumbent : (domains[0] ?? domain);
  const parts: string[] = [];
  for (const sentence of sentencesOf(reading.masked)) {
    const scores = scoreSentence(reading.ontology, sentence, reading.mentions, domains.includes("taxi"));
    let best: Served | undefined;
    for (const name of SERVED) if (domains.includes(name) && scores[name] > 1 && scores[name] > (best ? scores[best] : 0)) best = name;
    if (best) current = best;
    if (current === domain) parts.push(sentence);
  }
  return parts.join(" ");
}
