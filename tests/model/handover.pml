/* Append, outbox and handover of one channel with two sides, for `make model`.
 *
 * The old host is hostile: it shows each side what it likes, and goes on after every handover.
 * Somebody has stolen the administrator's key of side 0, but not the key of its witness.
 * Two heirs are proposed, each from the copy of a side. Heirs are honest.
 *
 * A side has a copy, of which its witness has cosigned the first `cosigned` records. A record is
 * final when both witnesses have cosigned the same records up to it. An act is a number from 1
 * to ACTS; the handover to heir k is recorded as HANDOVER + k. Decision 0091 has the rules.
 *
 * Each name in `check.py` leaves one rule out, and the search then has to fail.
 */

#define ACTS 2
#define LENGTH 5
#define HANDOVER 10
#define BOTH 3

#ifdef GOES_ON
#define MAY_COSIGN true
#else
#define MAY_COSIGN (sworn[side] == follows[side])
#endif
#ifdef TWICE
#define MAY_SIGN true
#else
#define MAY_SIGN (sworn[side] == follows[side])
#endif

typedef Records { byte at[LENGTH]; byte size };

Records copy[2];      /* what each side has */
byte cosigned[2];     /* how much of it its witness has cosigned */
byte sworn[2];        /* the heir whose handover the side has signed last, or 0 */
byte follows[2];      /* the heir that its station follows; 0 is the old host */

Records heir[3];      /* 1 and 2: the log of an heir, its handover included */
byte signatures[3];   /* of its handover, a bit for each side */
byte seen[3];         /* how many records its handover names */
byte base[3];         /* the host that gave the copy which it began from */

Records final;

byte side, k, i, j, act;
bool same, has;

/* Sets `same`: the first `many` records of one log are the first of another. */
inline compare(one, many, another) {
  same = (many <= another.size); i = 0;
  do
  :: same && i < many -> same = (one.at[i] == another.at[i]); i++
  :: else -> break
  od
}

/* Sets `has`: the log has the record already. */
inline look(log, record) {
  has = false; i = 0;
  do
  :: i < log.size -> has = has || (log.at[i] == record); i++
  :: else -> break
  od
}

inline append(log, record) { log.at[log.size] = record; log.size++ }

inline replace(to, from) {
  i = 0;
  do
  :: i < from.size -> to.at[i] = from.at[i]; i++
  :: else -> break
  od;
  to.size = from.size
}

/* Counts what is final now, and checks it. */
inline settle() {
  i = 0;
  do
  :: i < cosigned[0] && i < cosigned[1] && copy[0].at[i] == copy[1].at[i] ->
     if
     :: i < final.size -> assert(final.at[i] == copy[0].at[i]) /* one record a position */
     :: else ->
        j = 0;
        do
        :: j < final.size -> assert(final.at[j] != copy[0].at[i]); j++ /* no act twice */
        :: else -> break
        od;
        append(final, copy[0].at[i])
     fi;
     i++
  :: else -> break
  od;
  i = 0; j = 0;
#ifdef REACHES
  assert(final.size == 0 || final.at[final.size - 1] < HANDOVER);
#endif
  nothing_final_is_lost();
  at_most_one_heir()
}

/* What is final is in the log of the newest heir that both sides have signed for. */
inline nothing_final_is_lost() {
  k = 1;
  do
  :: k <= 2 ->
     if
     :: signatures[k] == BOTH && !(signatures[3 - k] == BOTH && base[3 - k] == k) ->
        i = 0;
        do
        :: i < final.size && i < heir[k].size -> assert(final.at[i] == heir[k].at[i]); i++
        :: else -> break
        od
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0; i = 0
}

/* Of two heirs that both sides have signed for, one goes on from the other. */
inline at_most_one_heir() {
  assert(!(signatures[1] == BOTH && signatures[2] == BOTH) || base[1] == 2 || base[2] == 1)
}

active proctype channel() {
  do
  /* The old host shows a side one more record. */
  :: atomic {
       select(side : 0 .. 1);
       follows[side] == 0 && copy[side].size < LENGTH - 1 ->
       select(k : 1 .. ACTS);
       look(copy[side], k);
       if
       :: !has -> append(copy[side], k)
       :: else
       fi;
       k = 0; side = 0; has = false; i = 0
     }

  /* A witness cosigns what its side has, but nothing more of a host that its side has left. */
  :: atomic {
       select(side : 0 .. 1);
       cosigned[side] < copy[side].size && MAY_COSIGN ->
       cosigned[side] = copy[side].size; settle(); side = 0
     }

#ifdef FORGETS
  /* A witness is begun anew with its old key, and its side reads from the start. */
  :: atomic {
       select(side : 0 .. 1);
       follows[side] == 0 && sworn[side] == 0 ->
       copy[side].at[0] = 0; copy[side].at[1] = 0; copy[side].at[2] = 0; copy[side].at[3] = 0;
       copy[side].size = 0; cosigned[side] = 0; side = 0
     }
#endif

  /* An heir is proposed from the copy of a side. */
  :: atomic {
       select(side : 0 .. 1); select(k : 1 .. 2);
       heir[k].size == 0 && copy[side].size < LENGTH ->
       replace(heir[k], copy[side]);
       seen[k] = copy[side].size; base[k] = follows[side];
       append(heir[k], HANDOVER + k);
       side = 0; k = 0; i = 0
     }

  /* A side signs, once it has compared what its witness has cosigned with what the act names. */
  :: atomic {
       select(side : 0 .. 1); select(k : 1 .. 2);
       heir[k].size > 0 && !(signatures[k] & (1 << side)) && MAY_SIGN && base[k] == follows[side] ->
#ifdef SHORT
       same = true;
#else
       compare(copy[side], cosigned[side], heir[k]);
       same = same && cosigned[side] <= seen[k];
#endif
       if
       :: same -> signatures[k] = signatures[k] | (1 << side); sworn[side] = k
       :: else
       fi;
       same = false; i = 0; k = 0;
       settle(); side = 0
     }

  /* Whoever stole the key of side 0 signs what he likes. */
  :: atomic {
       select(k : 1 .. 2);
       heir[k].size > 0 -> signatures[k] = signatures[k] | 1; settle()
     }

  /* A station follows the heir that its side has sworn to, and takes that heir's records. */
  :: atomic {
       select(side : 0 .. 1);
       sworn[side] != follows[side] && signatures[sworn[side]] == BOTH ->
       k = sworn[side];
       replace(copy[side], heir[k]); follows[side] = k;
       settle(); k = 0; side = 0; i = 0
     }

  /* An heir in office records an act that waits, under its old id. */
  :: atomic {
       select(k : 1 .. 2); select(i : 1 .. ACTS);
       signatures[k] == BOTH && heir[k].size < LENGTH ->
       act = i;
       look(heir[k], act);
#ifdef AGAIN
       has = false;
#endif
       if
       :: !has ->
          append(heir[k], act);
          if :: follows[0] == k -> replace(copy[0], heir[k]) :: else fi;
          if :: follows[1] == k -> replace(copy[1], heir[k]) :: else fi
       :: else
       fi;
       act = 0; has = false; k = 0; i = 0
     }
  od
}
