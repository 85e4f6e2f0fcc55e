"""The outside world on loopback: everything that datafetch talks to, as real servers that tests can bend.

Every fake is an `App`: it logs its requests (`app.log`), answers properly, and misbehaves on demand
(`app.inject(faults.cut(100), "GET http", times=2, after=1)`, `app.heal()`).

One fake alone, over plain HTTP:

    karakeep = KarakeepApp()
    with karakeep.served() as server:
        ... server.url ...

All of them under their real names, behind a proxy with a certificate authority of its own:

    with World(bookmarks=20, domains=8, repositories=5) as world:
        ... world.environment() ...

| module | what |
|---|---|
| `message`, `wire`, `base`, `faults` | requests and answers, HTTP, apps and servers, misbehaviour |
| `karakeep`, `karakeep_items` | the bookmark server's API |
| `github`, `github_schema`, `github_resolvers`, `github_data` | GitHub's GraphQL and REST |
| `providers`, `sites`, `pictures` | favicon services, web sites, real small pictures |
| `s3` | an S3 server (moto's) with counters and faults |
| `proxy`, `world`, `world_data` | all of it behind one proxy, built from one seed |
| `fixtures` | pytest fixtures |
"""
