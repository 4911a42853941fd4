"""What this server tells the one above

Revision 0005, after 0004.
"""

from alembic import op
import sqlalchemy as sa


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    op.create_table('upward_line',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('log', sa.String(length=11), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('record', sa.String(length=36), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('own', sa.Boolean(), nullable=False),
    sa.Column('before', sa.LargeBinary(length=32), nullable=False),
    sa.Column('settled', sa.Boolean(), nullable=False),
    sa.Column('aside', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_upward_line'))
    )
    with op.batch_alter_table('upward_line', schema=None) as batch_op:
        batch_op.create_index('ix_upward_line_log', ['log', 'number'], unique=False)
        batch_op.create_index('ix_upward_line_settled', ['settled'], unique=False)

    op.create_table('upward_log',
    sa.Column('id', sa.String(length=11), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('chain', sa.LargeBinary(length=32), nullable=False),
    sa.Column('acknowledged', sa.BigInteger(), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_upward_log'))
    )
    op.create_table('upward_note',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_upward_note'))
    )
    op.create_table('upward_past',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('path', sa.String(length=200), nullable=False),
    sa.Column('names', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('name', 'path', name=op.f('pk_upward_past'))
    )
    op.create_table('upward_record',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('type', sa.String(length=40), nullable=False),
    sa.Column('units', sa.Text(), nullable=False),
    sa.Column('told', sa.Text(), nullable=True),
    sa.Column('digest', sa.LargeBinary(length=16), nullable=False),
    sa.Column('mirror', sa.Text(), nullable=True),
    sa.Column('touched', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_upward_record'))
    )
    op.create_table('upward_run',
    sa.Column('proof', sa.String(length=22), nullable=False),
    sa.Column('log', sa.String(length=11), nullable=False),
    sa.Column('first', sa.BigInteger(), nullable=False),
    sa.Column('lines', sa.Integer(), nullable=False),
    sa.Column('before', sa.LargeBinary(length=32), nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.Column('arrivals', sa.Text(), nullable=False),
    sa.Column('owed', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('proof', name=op.f('pk_upward_run'))
    )
    with op.batch_alter_table('upward_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_upward_run_log'), ['log'], unique=False)



def downgrade():
    """Go back."""
    with op.batch_alter_table('upward_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_upward_run_log'))

    op.drop_table('upward_run')
    op.drop_table('upward_record')
    op.drop_table('upward_past')
    op.drop_table('upward_note')
    op.drop_table('upward_log')
    with op.batch_alter_table('upward_line', schema=None) as batch_op:
        batch_op.drop_index('ix_upward_line_settled')
        batch_op.drop_index('ix_upward_line_log')

    op.drop_table('upward_line')
