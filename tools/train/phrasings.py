"""The ways an order can be put. {n} customer, {q} quantity, {i} item, {p} amount, {d} date, {c} city, {o} order number.

TRAIN is what the model learns from. DEV is for decisions while training and HELDOUT for the published figures; neither
ever enters training.
"""

TRAIN = [
    "On {d}, {n} ordered {q} {i} for {p}, to be sent to {c}.",
    "{n} from {c} bought {q} {i} at a total of {p} on {d}.",
    "Please ship {q} {i} to {n} in {c}. Paid: {p}. Date: {d}.",
    "Order of {d}: {q} {i}, {p}, customer {n}, city {c}.",
    "{q} {i} went to {c} on {d}; {n} paid {p}.",
    "We received {p} from {n} on {d} for {q} {i}. Deliver to {c}.",
    "Customer {n} ({c}) wants {q} {i}. Total {p}, dated {d}.",
    "My name is {n} and I live in {c}. On {d} I bought {q} {i} for {p}.",
    "For {p}, {n} got {q} {i} delivered to {c} on {d}.",
    "Delivery to {c}: {q} {i} for {n}, {p}, {d}.",
    "{d}: {n} has paid {p} for {q} {i}. Send them to {c}.",
    "{d} - {c} - {n} - {q} x {i} - {p}",
    "Could you send {q} {i} to {c}? The customer is {n}, who paid {p} on {d}.",
    "Invoice for {n}, {c}: {q} {i}, amount due {p}, issued {d}.",
    "{i} x {q} for {n}, {c}. Price {p}. Ordered on {d}.",
    "A parcel with {q} {i} leaves for {c} on {d}. It belongs to {n}, who paid {p}.",
    "{n} placed an order on {d}: {q} {i}, worth {p}, shipping to {c}.",
    "I'd like {q} {i}, please. Name: {n}. City: {c}. I transferred {p} on {d}.",
    "The sum of {p} covers {q} {i} that {n} ordered from {c} on {d}.",
    "In {c}, {n} is waiting for {q} {i} since {d}; the bill was {p}.",
    "Sold on {d} to {n} of {c}: {q} {i}, {p} in total.",
    "{q} {i} / {p} / {n} / {c} / {d}",
    "Yesterday's call was from {n} in {c}: {q} {i} for {p}, wanted by {d}.",
    "Paid {p} on {d}. {q} {i}. {n}, {c}.",
    "Our client {n} asked for {q} {i} on {d}. The cost is {p} and the destination {c}.",
    "Dispatch {q} {i} to {c} by {d}. Buyer: {n}. Value: {p}.",
    "It was {d} when {n} chose {q} {i} costing {p}; the address is in {c}.",
    "{c} branch, {d}: {n} collected {q} {i} and left {p}.",
    "Order {o} from {n}: {q} {i}, total {p}, date {d}, to {c}.",
    "{n} spent {p} on {q} {i}, which reach {c} on {d}.",
    "Shipment {o} of {d} holds {q} {i} for {n} in {c} and was billed at {p}.",
    "Total: {p}. Items: {q} {i}. Recipient: {n}, {c}. Booked {d}.",
    "The {q} {i} for {n} cost {p}. They go to {c} on {d}.",
    "Send to {n}, {c}: {i}, quantity {q}, total {p}, order date {d}.",
    "This is {n}. I need {q} {i} in {c} by {d} and I have paid {p}.",
    "With order {o}, {n} bought {i} ({q} pieces) for {p} on {d}; ship to {c}.",
    "{n}, {c}, {d}: {q} {i} at {p}.",
    "The order dated {d} comes to {p} and lists {q} {i} for {n} at our {c} office.",
    "Reserve {q} {i} for {n} until {d}. Pick-up in {c}, deposit {p}.",
    "{p} arrived on {d} from {n}. In return {q} {i} travel to {c}.",
]

DEV = [
    "{n} will get {q} {i} in {c}. The payment of {p} came in on {d}.",
    "Charge {n} {p} for the {q} {i} sent to {c} on {d}.",
    "To {c}, on {d}: {q} {i}, ordered by {n}, {p} paid.",
    "On {d} a customer called {n} paid {p} and asked us to bring {q} {i} to {c}.",
]

HELDOUT = [
    "{n} would like {q} {i} shipped to {c}; {p} was paid on {d}.",
    "Please note: {q} {i} were ordered by {n} on {d} for {p}. Destination: {c}.",
    "{d}, {c}: {q} {i} sold to {n} for {p}.",
    "The customer, {n}, ordered {q} {i}. We charged {p} on {d} and will deliver to {c}.",
    "I am {n} from {c}. Please send me the {q} {i} I paid {p} for on {d}.",
    "Bill {p} to {n} for {q} {i}, delivered in {c} on {d}.",
    "Since {d}, {q} {i} worth {p} are on their way to {n} in {c}.",
    "For {n} in {c}: {q} {i}, ordered {d}, {p} in total.",
]

# Form-like messages: any order of fields, any label, any separator. They widen training only.
LABELS = {
    "n": ["Customer", "Name", "Client", "Buyer", "For", "Recipient", "customer", "name", "Ordered by"],
    "q": ["Quantity", "Qty", "Pieces", "Count", "quantity", "Number of pieces", "How many"],
    "i": ["Item", "Product", "Article", "Goods", "item", "product", "What"],
    "p": ["Total", "Amount", "Price", "Sum", "Paid", "total", "To pay", "Value"],
    "d": ["Date", "On", "Ordered", "Day", "date", "Order date", "When"],
    "c": ["City", "To", "Place", "Destination", "city", "Ship to", "Where"],
}
SEPARATORS = ["; ", ", ", ". ", "\n", " | ", " / "]
