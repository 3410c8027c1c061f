"""Word lists of the order generator: names, items, cities, months and the small talk around an order.

Real-looking words keep the samples readable; data.py mixes in invented words so that the model learns to copy
spellings rather than to recall the lists.
"""

FIRST = """Anna Ben Clara David Elena Farid Grace Hugo Ines Jonas Karin Luis Maya Noah Olga Pedro Quinn Rosa Samir
Tina Umar Vera Walter Xenia Yusuf Zoe Aisha Boris Chloe Diego Emma Felix Greta Hassan Irene Jakob Kenji Lena Marco
Nadia Oscar Paula Ravi Sofia Tomas Ursula Viktor Wendy Yara Zack Adam Adele Agnes Ahmed Alan Albert Alice Alma Amir
Amelia Andrea Andrew Angela Anita Anton April Arjun Arthur Astrid Audrey Axel Barbara Beatriz Bella Bernard Bianca
Björn Brian Bruno Camila Carl Carmen Caroline Cecilia Charles Chiara Chris Claire Claude Colin Conor Daisy Daniel
Daria Deepa Denise Derek Dina Dmitri Dora Dylan Edgar Edith Eduardo Edward Eero Elias Elif Ella Emil Enzo Eric Esther
Ethan Eva Fatima Fiona Flora Francis Frank Freya Gabriel Gavin George Gina Giulia Gloria Gordon Gustav Hanna Harold
Harriet Hector Heidi Helen Henry Hilda Hiro Holly Ian Ibrahim Ida Igor Isabel Ivan Ivy Jack James Jana Jane Javier
Jean Jenny Joan Joel Johanna John José Joyce Juan Judith Julia Kai Kamal Karl Kate Keith Kevin Klara Kofi Lars Laura
Leah Leila Leo Liam Lidia Linda Lisa Livia Louis Lucas Lucia Luca Lydia Magda Malik Manuel Marie Mario Marta Martha
Matteo Max Megan Mehmet Mia Milan Mina Miriam Mohamed Mona Naomi Natalia Nico Nils Nina Nora Omar Otto Owen Pablo
Patrick Pavel Peter Petra Philip Piotr Priya Rachel Rafael Ralph Ramona Rania René Rita Robert Robin Roland Ruth Ryan
Sandra Sara Sean Selma Sergei Silvia Simon Stella Stefan Susan Sven Tamara Tariq Teresa Theo Thomas Tobias Tove Ulla
Uma Valeria Vincent Vivian William Yasmin Yuki Yvonne Zara Zeynep Zora""".split()

LAST = """Smith Garcia Mueller Rossi Tanaka Kowalski Andersson Dubois Novak Silva Okafor Haddad Ivanov Jensen Kim Lopez
Martin Nguyen Olsen Patel Quist Romano Schmidt Turner Ueda Varga Weber Xu Yilmaz Zhang Abbott Berg Costa Dahl Evans
Fischer Gomez Hansen Ito Jonsson Keller Larsen Moreau Nagy Ortiz Popov Reyes Sato Torres Vogel Adams Aalto Ahmadi
Allen Alvarez Amato Aydin Bailey Baker Banerjee Barbosa Barnes Bauer Becker Bell Bennett Bianchi Blanc Bloom Bonnet
Borg Bradley Braun Brooks Brown Bruno Burke Byrne Campbell Cardoso Carter Castro Chen Christie Clarke Cohen Cole
Collins Conti Cook Cooper Cruz Cunha Dalton Davies Delgado Demir Dixon Doyle Duarte Dunn Durand Dvorak Eaton Edwards
Ekström Eriksen Esposito Farah Faure Fernandez Ferrari Fleming Flynn Fontana Forbes Foster Fraser Fuchs Fujita Gallo
Gibson Gill Graham Grant Gray Greco Green Griffin Gruber Gupta Hall Hamdi Harper Harris Hayes Heikkinen Henriksen
Hermann Herrera Hill Hoffmann Holm Horvath Howard Huber Hughes Hussain Iversen Jackson Jansen Johansson Jones Joshi
Kaiser Kaplan Karlsson Kaya Kelly Khan King Klein Koch Kovacs Kramer Krause Kumar Lang Lefevre Lehmann Leroy Lewis
Lind Lindqvist Lombardi Lund Mancini Marino Marsh Mason Mazur Meier Mendes Mensah Meyer Mitchell Molina Moore Morales
Morgan Mori Morris Murphy Murray Nakamura Navarro Nelson Neumann Nielsen Nilsson Nowak Nyberg Oliveira Owens Palmer
Papadakis Park Parker Pereira Perez Perrin Peters Petit Petrov Pinto Pohl Powell Price Prasad Ramos Rao Reed Richter
Rivera Roberts Rojas Roux Roy Ruiz Russo Ryan Salazar Sanchez Santos Sauer Schneider Schreiber Schulz Scott Shah Sharma
Shaw Simon Singh Sokolov Sousa Stein Stone Suzuki Svensson Taylor Thomsen Toth Tran Tucker Vargas Vasquez Vega Vidal
Wagner Walker Wallace Wang Ward Watson Webb Wells West White Wilson Winter Wolf Wood Wright Yamada Young Zeman Ziegler
Zimmermann Müller""".split()

ITEM = """lamps;chairs;tables;books;pens;cups;plates;knives;bottles;shirts;shoes;hats;bags;watches;clocks;radios;phones;
cables;mirrors;carpets;candles;towels;brushes;keys;boxes;ropes;tents;bikes;drums;guitars;aprons;backpacks;balls;
baskets;batteries;belts;benches;blankets;blenders;bowls;bracelets;bricks;brooms;buckets;bulbs;buttons;cameras;
calendars;chargers;coats;combs;curtains;cushions;desks;doormats;drills;envelopes;erasers;fans;filters;flutes;forks;
frames;funnels;gloves;glue sticks;hammers;headphones;helmets;hoses;jackets;jars;jugs;kettles;keyboards;ladders;lanterns;
laptops;lighters;locks;magnets;markers;monitors;mugs;nails;napkins;needles;notebooks;ovens;paddles;pans;pencils;pianos;
pillows;plants;pots;printers;puzzles;rackets;rakes;rings;rugs;rulers;saddles;saws;scarves;scissors;screws;shelves;
shovels;sinks;skates;sleds;sofas;socks;speakers;spoons;stamps;stools;stoves;suitcases;tapes;teapots;tiles;toasters;
toys;trays;tripods;trumpets;umbrellas;vases;violins;wallets;wheels;whistles;wrenches;zippers;desk lamps;garden chairs;
coffee mugs;paper towels;rain coats;tennis balls;wall clocks;water bottles;wine glasses;wool socks;yoga mats;
kitchen knives;bath towels;bed sheets;camping stoves;picture frames;office chairs;phone cases;hand saws;floor tiles
""".replace("\n", "").split(";")

CITY = """Berlin;Paris;Madrid;Rome;Vienna;Prague;Oslo;Lisbon;Dublin;Athens;Warsaw;Zurich;Lyon;Porto;Turin;Graz;Malmö;
Bergen;Ghent;Bath;Cork;Seville;Naples;Bonn;Nice;Krakow;Basel;Riga;Tallinn;Split;Aarhus;Aberdeen;Accra;Amman;Ankara;
Antwerp;Atlanta;Auckland;Austin;Baku;Bangkok;Barcelona;Beirut;Belfast;Belgrade;Bilbao;Bogota;Bologna;Bordeaux;Boston;
Bremen;Brighton;Bristol;Brno;Brussels;Bucharest;Budapest;Cairo;Calgary;Cardiff;Chicago;Cologne;Copenhagen;Cusco;Dakar;
Dallas;Delhi;Denver;Dortmund;Dresden;Dubai;Durban;Edinburgh;Essen;Florence;Frankfurt;Gdansk;Geneva;Genoa;Glasgow;
Granada;Hamburg;Hanoi;Hanover;Havana;Helsinki;Houston;Innsbruck;Istanbul;Izmir;Jakarta;Kyiv;Kyoto;Lagos;Leeds;Leipzig;
Lima;Linz;Liverpool;Ljubljana;London;Lucerne;Lund;Luxembourg;Malaga;Manila;Marseille;Melbourne;Miami;Milan;Minsk;
Montreal;Mumbai;Munich;Nairobi;Nantes;Odense;Osaka;Ottawa;Oulu;Oxford;Palermo;Perth;Pisa;Plovdiv;Quito;Rabat;Reykjavik;
Rotterdam;Salzburg;Santiago;Sarajevo;Seattle;Seoul;Sofia;Stockholm;Strasbourg;Stuttgart;Sydney;Taipei;Tampere;Tirana;
Tokyo;Toronto;Toulouse;Trieste;Tromsø;Tunis;Uppsala;Utrecht;Valencia;Venice;Verona;Vilnius;Wroclaw;York;Zagreb;
New York;Cape Town;San Diego;Los Angeles;The Hague;Hong Kong;Buenos Aires;São Paulo;Mexico City;Abu Dhabi;Las Palmas;
Porto Alegre;Kuala Lumpur;Tel Aviv;Rio de Janeiro""".replace("\n", "").split(";")

MONTHS = """January February March April May June July August September October November December""".split()

# Openers and closers are optional; {o} is an order number, a distractor that no record holds.
OPENERS = ["Hello,", "Hi team,", "Good morning!", "Dear colleagues,", "Hi,", "Good afternoon,", "New order #{o}.",
           "Ref. {o}.", "Order no. {o}:", "Ticket {o}.", "FYI:", "Note to the warehouse:", "Hello again,",
           "For your records (case {o}):", "Update:", "Dear all,"]
CLOSERS = ["Thanks!", "Thank you.", "Best regards", "Kind regards, the sales desk", "Please confirm.",
           "Order number {o}.", "(Ref. {o})", "Have a nice day!", "Call extension {o} with questions.", "Many thanks",
           "No reply needed.", "Cheers", "Invoice {o} follows.", "Sent from my phone"]
