#!/usr/bin/env php
<?php
// SPDX-License-Identifier: GPL-3.0-or-later
// Talks to the manager's console from PHP: one line of JSON out, one back, then the console closes (docs/console.md).
//
//   php farm.php list [FILTER ...]          php farm.php enable FILTER ...
//   php farm.php disable FILTER ...         php farm.php submit BLEND [FRAMES [OUTPUT]]
//
// The console is at 127.0.0.1:6000, or where BRENDER_CONSOLE says.

const WITHIN_S = 60; // submitting reads the whole .blend

/** Asks one thing. What comes back is an array; an error of the console is an exception with its sentence. */
function ask(array $request): array
{
    $place = getenv('BRENDER_CONSOLE') ?: '127.0.0.1:6000';
    $socket = @stream_socket_client("tcp://$place", $errno, $error, WITHIN_S);
    if ($socket === false) {
        throw new RuntimeException("No console answers at $place: $error.");
    }
    stream_set_timeout($socket, WITHIN_S);
    fwrite($socket, json_encode($request) . "\n");
    $answer = json_decode((string) stream_get_contents($socket), true);
    fclose($socket);
    if (!is_array($answer)) {
        throw new RuntimeException("The console at $place said nothing that could be understood.");
    }
    if (!$answer['ok']) {
        throw new RuntimeException($answer['error']);
    }
    return $answer['data'];
}

/** The clients that a filter means, a line each. */
function list_clients(array $filter): void
{
    foreach (ask(['item' => 'client', 'action' => 'read', 'filters' => $filter]) as $client) {
        echo "{$client['name']}  {$client['wish']}  {$client['connection']}\n";
    }
}

/** Enables or disables every client that a filter means. */
function set_wish(array $filter, string $wish): void
{
    if (!$filter) {
        throw new RuntimeException("Say which clients: names, a filter such as idle, or ALL.");
    }
    $changed = ask(['item' => 'client', 'action' => 'update', 'filters' => $filter, 'values' => ['wish' => $wish]]);
    echo implode("\n", array_column($changed, 'name')), "\n", count($changed), " $wish\n";
}

/** Submits a job: what is not said comes from the .blend. */
function submit(string $blend, string $frames = '', string $output = ''): void
{
    $values = array_filter(['blend' => $blend, 'frames' => $frames, 'output' => $output], 'strlen');
    [$job] = ask(['item' => 'job', 'action' => 'create', 'values' => $values]);
    echo "Job {$job['id']} is {$job['state']}: {$job['tasks']} tasks, to {$job['outputs']}\n";
}

$words = array_slice($argv, 2);
try {
    switch ($argv[1] ?? '') {
        case 'list':
            list_clients($words);
            break;
        case 'enable':
            set_wish($words, 'enabled');
            break;
        case 'disable':
            set_wish($words, 'disabled');
            break;
        case 'submit':
            submit(...($words ?: ['']));
            break;
        default:
            throw new RuntimeException('Say list, enable, disable or submit.');
    }
} catch (RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
